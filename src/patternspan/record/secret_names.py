"""Which names stand for secrets, however they are spelt: dbPassword, X-Api-Key, MYSQL_PWD, accesstoken."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final, NamedTuple


class Named(NamedTuple):
    """What a name says of its value."""

    kind: str
    """The word for the mark: password, secret, token, key, credential, authorization, cookie, session."""
    strength: int
    """3: any value is secret. 2: any but a plain word of prose. 1: one that looks made by chance."""


_WORDS: Final = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+"
_PASSWORD: Final = (
    r"passwords?|passwd|passphrases?|passcodes?|pwd|passwort|kennwort|contrasena|senha|motdepasse"
    r"|[a-z]{1,20}(?:password|passwd|passphrase|passcode|pwd)|password\d+|(?:requirepass|masterauth|sshpass)"
    r"|(?:db|user|root|admin|my|sql|store|key|ssh|mysql|pg|redis|smtp|mail|ftp|http|proxy|ldap|bind|account|login|trust"
    r"|login|wifi|mongo|rabbit|amqp|service|test|default|master|backup|cluster|guest|host|keystore|truststore)pass(?:w|wd)?"
    r"|(?:root|bind|admin|user|db|ldap|my|login)pw"
)
_SECRET: Final = r"secrets?|[a-z]{2,20}secret|secretkey|clientsecret|mnemonic"
_TOKEN: Final = r"token|(?!next|page|eos|bos|pad|stop|start|end|max|min|sync|continu|unk|sep|mask|cls)[a-z]{1,24}token|jwt|otp|totp|pat|bearer"
_CREDENTIAL: Final = r"credentials?|creds?|cred|apikeys?|dsn|accesskey|authkey|accountkey|secretkey|privatekey|masterkey|signingkey|encryptionkey|sharedkey|servicekey|connectionstring|connstr|licensekey|apisecret|appsecret|appkey|authtoken|keyfob"
_KEY_BEFORE: Final = frozenset(
    "api access secret private account storage signing signature encryption encrypt encrypted master shared service auth"
    " app application license ssh deploy admin crypt crypto hmac aes rsa jwt server bot webhook integration write ingest"
    " ingestion instrumentation stripe openai anthropic sendgrid mailgun twilio datadog newrelic aws azure gcp google"
    " github gitlab slack heroku algolia firebase maps consumer subscription management fernet django session cookie"
    " functions function host wireguard wg preshared psk pre decryption decrypt functionapp cosmos cosmosdb eventhub"
    " sas relic dd live restricted root seal unseal recovery data signing gemini mistral cohere groq openrouter".split()
)
_KEY_NEVER: Final = frozenset("public primary foreign sort partition cache hash group row index lookup object".split())
# After the secret's word: what is told about the secret, and not the secret.
_ABOUT: Final = frozenset(
    "file files filename path paths dir directory folder url uri urls endpoint endpoints count counts length len size policy"
    " expiry expires expire expiration expired ttl type types name names version versions min max required enabled"
    " disabled hint manager store arn ref refs reference field fields label labels limit limits usage budget index idx"
    " class strategy provider validator validators validation algorithm alg rotation age status error errors mode format"
    " column attempts attempt method methods scheme lifetime duration seconds days hours at date time timestamp changed"
    " updated created last issuer audience scope scopes reset change forgot stdin env var variable prompt prompts"
    " placeholder help text title message description regex pattern rule rules strength score position pos offset start"
    " end kind id ids location region usages usagecount ratio rate total cost price number num valid invalid match matches"
    " lookup map list set exists present missing needed support supported supports protected generator hasher hashers"
    " header prefix suffix delimiter separator source backend engine schema page view form controller test tests service"
    " handler helper util utils callback listener router middleware bucket group role owner email user username"
    " alias algorithm hash256 fingerprint thumbprint checksum digest sha256 sha1 md5 mount namespace annotations resource"
    " selector template loader resolver input output button link icon screen dialog modal modified revision renewed"
    " get pop split strip startswith endswith encode decode lower upper append join replace match search find"
    " iterations history complexity entropy charset tokens".split()
)
_NEGATED: Final = frozenset(
    "no has is needs ask prompt allow enable disable forgot show hide without non not should can must toggle want wants"
    " requires require use uses reset if supports".split()
)
_TOKEN_NOT: Final = frozenset(
    "next page continuation prev previous cancellation cancel eos bos pad unk mask sep cls special stop input output max"
    " min prompt completion total num n lexer parser unexpected expected current first last invalid sync cursor per"
    " image added paging nextpage start end syntax".split()
)
_EXACT: Final = {
    "authorization": Named("authorization", 3),
    "proxyauthorization": Named("authorization", 3),
    "cookie": Named("cookie", 3),
    "cookies": Named("cookie", 3),
    "setcookie": Named("cookie", 3),
    "cookie2": Named("cookie", 3),
    "httpauthorization": Named("authorization", 3),
    "pass": Named("password", 2),
    "pw": Named("password", 2),
    "pin": Named("pin", 1),
    "auth": Named("authorization", 1),
    "key": Named("key", 1),
    "sig": Named("signature", 1),
    "signature": Named("signature", 1),
    "sid": Named("session", 1),
    "hmac": Named("signature", 1),
    "sas": Named("signature", 1),
    "seed": Named("seed", 1),
    "psk": Named("password", 2),
    "community": Named("password", 1),
    "code": Named("code", 1),
    "tokens": Named("tokens", 1),
    "connectsid": Named("session", 2),
    "phpsessid": Named("session", 2),
    "jsessionid": Named("session", 2),
    "aspnetsessionid": Named("session", 2),
    "identity": Named("credential", 0),
    "accesskeyid": Named("key", 1),
    "awsaccesskeyid": Named("key", 1),
    "xamzcredential": Named("key", 1),
    "xamzsignature": Named("signature", 2),
    "xgoogsignature": Named("signature", 2),
    "xhubsignature": Named("signature", 2),
    "xhubsignature256": Named("signature", 2),
    "stripesignature": Named("signature", 2),
    "contrasea": Named("password", 3),
    "wpapsk": Named("password", 3),
    "wireguardprivatekey": Named("key", 3),
}
_NOTHING: Final = Named("", 0)


_COMPACT: Final = r"[^a-z0-9]"


@cache
def expression(text: str) -> re.Pattern[str]:
    """Compile when first needed: that is too slow for the import of the package."""
    return re.compile(text)


class _Configured:
    """Names that the configuration adds and takes away, in small letters without signs."""

    names: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()
    defaults = True


configured: Final = _Configured()


def compact(name: str) -> str:
    """Return a name without what its spellings differ in."""
    return expression(_COMPACT).sub("", name.lower())


def use(names: frozenset[str], keep: frozenset[str], *, defaults: bool) -> None:
    """Let these names be secret, those not; without `defaults` no others are."""
    configured.names = frozenset(compact(name) for name in names)
    configured.keep = frozenset(compact(name) for name in keep)
    configured.defaults = defaults
    named.cache_clear()


def words_of(name: str) -> list[str]:
    """Return the words of a name in small letters: `dbPassword`, `DB_PASSWORD` and `db-password` have the same."""
    return [word.lower() for word in expression(_WORDS).findall(name)]


@lru_cache(8192)
def named(name: str) -> Named:
    """Return what a name says of its value; strength 0 where it says nothing."""
    if len(name) > 200:
        name = name[-200:]
    short = compact(name)
    if short in configured.keep:
        return _NOTHING
    if short in configured.names:
        return Named("name", 3)
    if not configured.defaults:
        return _NOTHING
    exact = _EXACT.get(short)
    return exact if exact is not None else _by_words(words_of(name))


def _by_words(words: list[str]) -> Named:
    while words and words[-1].isdigit():
        words.pop()
    if words and words[-1] in {"value", "plain", "plaintext", "raw", "clear", "base", "b", "encoded", "val", "old", "new",
                               "prod", "production", "staging", "dev", "live", "primary", "secondary", "confirm",
                               "confirmation", "again", "repeat", "current", "data", "default"} and len(words) > 1:  # fmt: skip
        words.pop()
    for place in range(len(words) - 1, -1, -1):
        found = _word(words, place)
        if found.strength:
            rest = words[place + 1 :]
            if found.kind == "password" and rest == ["hash"]:
                return Named("password", 2)
            if found.kind == "secret" and rest == ["id"]:
                return Named("secret", 1)
            if rest and (rest[-1] in _ABOUT or rest[0] in _ABOUT or rest[-1] == "hash"):
                return _NOTHING
            if words[0] in _NEGATED and place > 0:
                return _NOTHING
            # A secret's word in the middle of a longer name weighs less: `password_dialog_color`.
            return found if len(rest) <= 1 else Named(found.kind, min(found.strength, 1))
    return _NOTHING


def _word(words: list[str], place: int) -> Named:
    word = words[place]
    before = words[place - 1] if place else ""
    if expression(_PASSWORD).fullmatch(word):
        if word == "pwd" and len(words) == 1:
            return Named("password", 2)
        return _NOTHING if word == "oldpwd" or (word == "pwd" and before == "old") else Named("password", 3)
    if word in {"pass", "pw"} and before and before not in {"by", "first", "second", "test", "tests", "num", "one"}:
        return Named("password", 2)
    if expression(_SECRET).fullmatch(word):
        return Named("secret", 3)
    if word == "pat" and (not before or place < len(words) - 1):
        return _NOTHING  # a pattern's id begins so
    if word == "pat":
        return Named("key", 1)
    if expression(_TOKEN).fullmatch(word):
        return _NOTHING if before in _TOKEN_NOT else Named("token", 1 if word in {"otp", "totp"} and not before else 2)
    if word == "key" or word == "keys":
        return _key(words, place, before)
    if expression(_CREDENTIAL).fullmatch(word):
        return Named("key" if "key" in word else "credential", 2)
    if word == "auth" and before and place == len(words) - 1:
        return (
            Named("authorization", 2)
            if before not in {"oauth", "needs", "require", "no", "use"}
            else Named("authorization", 1)
        )
    if word == "session" and place == len(words) - 1:
        return Named("session", 1)
    if (word == "id" and before in {"session", "sess"}) or word in {"sessionid", "sessid"}:
        return Named("session", 1)
    if word in {"string", "str", "uri", "url"} and before in {
        "connection",
        "conn",
        "database",
        "webhook",
        "redis",
        "mongo",
        "mongodb",
    }:
        return Named("connection", 1) if before in {"connection", "conn"} else _NOTHING
    if word in {"signature", "sig"}:
        return Named("signature", 1)
    if word in {"authorization", "cookie"} and place == len(words) - 1:
        return Named(word, 3)
    if word == "pin" and place == len(words) - 1 and before:
        return Named("pin", 2 if before in {"card", "user", "sim", "atm", "device"} else 1)
    return _NOTHING


def _key(words: list[str], place: int, before: str) -> Named:
    if before in _KEY_NEVER:
        return _NOTHING
    if before in {"private", "preshared"}:
        return Named("key", 3)
    if before in _KEY_BEFORE and words[place] == "key":
        return Named("key", 2)
    return Named("key", 1) if words[place] == "key" else _NOTHING
