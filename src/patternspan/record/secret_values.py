"""What a text beside a secret's name is: a secret, or a reference, a placeholder, code or prose that stays."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_EMPTY: Final = frozenset(
    "null none nil true false yes no on off undefined unset empty void void0 na n/a tbd todo - -- … auto prompt ask stdin"
    " inherit optional required hidden masked redacted removed omitted str string bytes byte int integer number bool"
    " boolean any object unknown never optional[str] secretstr varchar optional[string] string|null sensitive".split()
)
# Words that stand for a secret where nobody has put one: `password=changeme`.
_STAND_INS: Final = frozenset(
    "default secret password passwd token apikey api_key api-key passphrase credential credentials key text char uuid"
    " binary encrypted value example changeme change_me change-me placeholder dummy xxx your-password yourpassword"
    " mypassword username user pass pwd file keyring env environment basic bearer negotiate digest ntlm oauth oauth2"
    " jwt".split()
)
_REFERENCE: Final = re.compile(
    r"""(?xi)
    \[(?:redacted|filtered|masked|hidden|removed|secret|password|token|cut|too\ deep)[^\]]{0,80}\]? .{0,8}
    | \$\{[^}]{0,200}\}? \S{0,40} | \$\(.{0,200} | \$[a-z_]\w{0,60}(?:[-.:\[/>({'"\#].{0,200})? | \$\$?\w{0,60} | %[a-z_]\w{0,60}% | %\(\w{1,60}\)[sd] | %[sdvqr]
    | \{\{.{0,200} | \{%.{0,200} | \{[a-z_][\w.!:\[\]'"]{0,80}\} | \{\} | <%.{0,200} | \#\{.{0,100}
    | <[^<>]{0,100}>? | &lt;.{0,60} | \(.{0,60}\)
    | (?:[a-z]{1,20}\|){1,8}[a-z]{1,20} | \#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8}) | --[a-z][\w-]{1,40}=? | :\w+:?
    | [*•●x#·.?_-]{2,64} | [*•●]{1,64}\S{0,4}
    | (?:your|my|the|some|insert|enter|replace|put|fake|dummy|sample|example|test)[-_ ](?:[a-z]{1,20}[-_ ]?){1,6}
    | [a-z_-]{0,30}(?:_here|-here|placeholder|changeme|change_me|change-me|redacted)[a-z_-]{0,20}
    | (?:env|vault|op|ssm|sm|awssm|gcpsm|file|keyring|secretref|ref\+\w{1,20}|akv|kms|azurekeyvault)(?::|://)\S{1,200}
    | arn:aws[\w-]{0,10}:\S{1,200} | projects/[\w-]{1,60}/secrets/\S{1,100} | @microsoft\.keyvault.{0,200}
    | !(?:vault|ref|getatt|sub|secret|env)\b.{0,200} | enc\[.{0,400}
    | (?:process\.env|os\.environ|os\.getenv|system\.getenv|import\.meta\.env|env|secrets|secret|vars?|local|data|module
        |self|this|config|settings|args|opts|options|request|req|params|props|state|ctx|cfg|conf|cls|values|form
        |credentials|creds|user|session|app|event|response|resp|res|body|payload|input|context|inputs|github|steps)
       (?:\??\.|\[|->|::)[\w.\[\]"'()?,\ >:-]{1,200}
    | (?:await|new|not|function|lambda|async|typeof|return)\ .{1,200}
    """
)
# A path, a URL without more, or a file's name: where a secret is kept, not what it is.
_PLACE: Final = re.compile(
    r"(?:(?:~|\.{1,2})?/[\w.@+-]{1,80}(?:/[\w.@+-]{0,80}){1,20}|/(?:[a-z]{2,12})|[A-Za-z]:\\[^\s]{1,200}"
    r"|https?://[^\s?@]{1,300}|[\w-]{1,200}(?:/[\w.-]{1,60}){0,10}\.(?:ya?ml|json|toml|ini|txt|pem|key|crt|cer|env|cfg|conf|py|js|ts|go|java|rb|sh|md|html?|xml|jks|p12|pfx|gpg|asc|properties|lock|log|pub))"
)
_CODE: Final = re.compile(
    r"[A-Za-z_][\w.:]{0,80}\(.{0,400}|[a-z_]+(?:_[a-z]+){1,6}|[a-z]+(?:[A-Z][a-z]+){1,5}|[a-z_]\w{0,30}(?:\.[a-z_]\w{0,30}){1,5}"
    r"|[a-z]\w{1,20}\.[A-Z][A-Za-z]{2,40}|[A-Za-z_]{1,40}(?:\.[A-Za-z_]{1,60}){1,5}(?:\[.{0,80})?|_[A-Z][A-Za-z_]{2,60}|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+){1,6}"
    r"|(?:[A-Z][a-z]+){2,6}|[A-Z][A-Z]+(?:_[A-Z]+)*|[A-Za-z_]\w{0,30}\[.{0,80}|[A-Z][a-z]{1,20}\[.{0,60}\]|&?\w{1,30}::\S{1,80}"
)
_WORD: Final = re.compile(r"[A-Za-z][a-z']*")
_SENTENCE: Final = frozenset(
    "is are was were be been must should shall can cannot can't could will would may might has have had does do did"
    " not no required requires require invalid missing expired incorrect wrong please enter your you this that field"
    " expected unexpected found failed failure error errors does doesn't don't isn't wasn't when where which who if"
    " unless because since too contain contains only least most than between characters length mismatch match matches"
    " supplied provided used using set unset given needed named called set-up see use via into onto its it from"
    " with without for of to in on at by or and as but the a an never always into yet ok".split()
)
_PROSE: Final = _SENTENCE | frozenset(
    "correct valid weak strong short long empty blank stored saved hashed encrypted encoded changed updated reset"
    " created generated deleted removed revoked rotated refreshed issued accepted rejected denied refused verified"
    " validated authenticated authorization authentication login logout rotation manager management store storage"
    " policy policies leak leaked scanning scanner detection string option flag argument parameter value values name"
    " names type types file files path endpoint url auth header headers based here there now soon today good bad"
    " unknown available unavailable present absent default optional mandatory protected secure insecure safe unsafe"
    " public private secret secrets token tokens password passwords key keys user users admin test tests testing"
    " identifier eof eol newline comma semicolon colon bracket paren brace number literal operator keyword symbol"
    " stream stack type count limit budget usage generation review confirm confirmation confirmed update change"
    " create delete list get show rotate revoke refresh verify validate check request response session latest current"
    " next previous first last new old same other another any all some each every both either pending active inactive"
    " enabled disabled ready done passed skipped successful success unchanged mismatched accepted handler handling"
    " hint hints ttl lifetime lookup hash hashes digest provider service server client database db api cli sdk"
    " prompt entry group lock salt length strength complexity history recovery reset forgotten forgot".split()
)
_PARTICIPLE: Final = re.compile(r"[a-z]{2,20}(?:ed|ing|able|ible|tion|tions|ment|ance|ence|ity|ly|less|ful|ous)")
_TYPES: Final = re.compile(
    r"(?i)(?:str|string|text|int|integer|bytes|any|object|bool|boolean|secretstr|varchar\(\d+\)|char\(\d+\)|optional\[.*"
    r"|union\[.*|list\[.*|dict\[.*|maybe \w+|\*?string|&str|char \*|std::string)\s*(?:\|.*|=.*|[,;)?].*)?"
)
_UUID: Final = re.compile(r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATED: Final = re.compile(
    r"v?\d+(?:[.:/-]\d+){1,6}(?:[T ]\d\d:\d\d\S{0,20})?|\d+(?:\.\d+)?\s?(?:ms|s|m|h|d|%|px|kb|mb|gb)?"
)
_CACHE_KEY: Final = re.compile(r"[a-z]{2,20}\d{0,3}(?:[-_:/.][a-z]{2,20}\d{0,3}){0,6}[-_:/][0-9a-f]{7,64}")
_ULID: Final = re.compile(r"(?:[A-Z]{2,6}-)?[0-7][0-9A-HJKMNP-TV-Z]{25}")


_LOWER: Final = frozenset("abcdefghijklmnopqrstuvwxyz")
_UPPER: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS: Final = frozenset("0123456789")
_SIGNS: Final = frozenset("!@#$%^&*+=~?")


@lru_cache(4096)
def is_reference(value: str, *, sure: bool = False) -> bool:
    """Say whether a value holds no secret by its form: empty, a placeholder, a variable, a path, one of our marks.

    Where it is `sure` that a secret stands there, as after `mysql -p`, words such as "secret" are taken for one.
    """
    text = value.strip().strip("\"'`,;")
    lowered = text.lower()
    if lowered.startswith("${") and ":-" in lowered:
        return not is_mixed(text.partition(":-")[2].rstrip("}"))  # a variable with a default beside it
    if (
        not text
        or lowered in _EMPTY
        or (lowered in _STAND_INS and not sure)
        or _REFERENCE.fullmatch(text)
        or _PLACE.fullmatch(text)
    ):
        return True
    return text.startswith(("[redacted:", "[too deep]")) or not any(map(str.isalnum, text))


def is_type(value: str) -> bool:
    """Say whether a value is the name of a type, as in `password: str = ""`."""
    return _TYPES.fullmatch(value.strip()) is not None


def is_code(value: str) -> bool:
    """Say whether a bare value reads as code: a call, an attribute, a variable, a constant's name."""
    return _CODE.fullmatch(value) is not None


def is_sentence(value: str) -> bool:
    """Say whether a text of several words is prose: one of them is a word that passwords have no use for."""
    words = value.lower().replace(",", " ").replace(".", " ").replace(":", " ").replace("|", " ").split()
    return len(words) > 1 and not _SENTENCE.isdisjoint(words)


def is_prose_word(word: str) -> bool:
    """Say whether a bare word is one that stands beside "token" or "password" in prose."""
    lowered = word.strip(".,;:!?()[]\"'`").lower()
    return (
        lowered in _PROSE or lowered in _EMPTY or lowered in _STAND_INS or (_PARTICIPLE.fullmatch(lowered) is not None)
    )


def is_word(value: str) -> bool:
    """Say whether a value is letters alone, as a word of prose is."""
    return _WORD.fullmatch(value) is not None


def is_mixed(value: str) -> bool:
    """Say whether a short value has the mix of letters, digits and signs that prose and names have not."""
    if len(value) < 5 or _DATED.fullmatch(value) or _PLACE.fullmatch(value):
        return False
    chars = set(value[:200])
    lower, upper, digit = not chars.isdisjoint(_LOWER), not chars.isdisjoint(_UPPER), not chars.isdisjoint(_DIGITS)
    sign = not chars.isdisjoint(_SIGNS)
    if digit and (lower or upper):
        return True
    return (sign and (lower or upper)) or (
        lower and upper and value[1:] != value[1:].lower() and not is_code(value) and len(value) >= 8
    )


def is_random(value: str) -> bool:
    """Say whether a value looks made by chance: long, letters and digits mixed, and no id, digest's path or version.

    Entropy stands in for a name that says little, such as `key`: it is asked only where such a name stands.
    """
    chars = set(value[:512])
    if len(value) < 16 or len(value) > 4096 or not chars.isdisjoint(" \t\n\r\f\v()[]{}|\\^*?<>"):
        return False
    if (
        _UUID.fullmatch(value)
        or _ULID.fullmatch(value)
        or _CACHE_KEY.fullmatch(value)
        or _DATED.fullmatch(value)
        or _PLACE.fullmatch(value)
    ):
        return False
    kinds = [not chars.isdisjoint(some) for some in (_DIGITS, _LOWER, _UPPER)]
    if sum(kinds) < 2 or not kinds[0]:
        return sum(kinds[1:]) == 2 and len(value) >= 24 and len(chars) >= 14 and not is_code(value)
    words = re.findall(r"[A-Za-z]{4,}", value[:512])
    lengthy = sum(len(word) for word in words if word.islower() or word.istitle())
    return len(chars) >= 8 and lengthy < 0.6 * min(len(value), 512)


def is_uuid(value: str) -> bool:
    """Say whether a value is a UUID."""
    return _UUID.fullmatch(value) is not None
