"""Secrets among the words of a command line, judged as a whole: which word is one depends on those before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from patternspan.record.secret_names import Named, expression, named
from patternspan.record.secret_values import is_code, is_mixed, is_prose_word, is_random, is_reference

WordSpan = tuple[int, int, int, str]
"""A word's number, where in it the secret begins and ends, and its kind."""

# Tool -> options whose own rest is a password, whose next word is one, and whose next word is `user:password`.
_ATTACHED: Final = {
    **dict.fromkeys(
        "mysql mysqldump mysqladmin mysqlimport mysqlcheck mysqlshow mysqlpump mysqlslap mariadb mariadb-dump"
        " mariadb-admin mycli xtrabackup mydumper myloader 7z 7za 7zr rar unrar sshpass".split(),
        ("-p",),
    ),
    **dict.fromkeys("sqlcmd bcp osql isql".split(), ("-P",)),
    **dict.fromkeys("xfreerdp wlfreerdp mstsc".split(), ("/p:",)),
}
_NEXT: Final = {
    **dict.fromkeys(
        "mongo mongosh mongodump mongorestore mongoexport mongoimport rdesktop sshpass twine arangosh influx cbq"
        " couchbase-cli cypher-shell docker podman buildah skopeo nerdctl helm crane oc az cqlsh psexec psexec.py"
        " useradd usermod impala-shell clickhouse-client ibmcloud cf bw rabbitmqadmin ncrack cadaver evil-winrm hydra"
        " crackmapexec nxc elasticsearch-users".split(),
        ("-p",),
    ),
    **dict.fromkeys("ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldappasswd ldapcompare".split(), ("-w",)),
    **dict.fromkeys("zip unzip sqlcmd bcp osql isql ipmitool tsql mosquitto_pub mosquitto_sub".split(), ("-P",)),
    **dict.fromkeys("redis-cli redis-benchmark".split(), ("-a",)),
    **dict.fromkeys("snmpwalk snmpget".split(), ("-A", "-X", "-c")),
    **dict.fromkeys("keytool jarsigner".split(), ("-storepass", "-keypass", "-deststorepass", "-srcstorepass", "-new")),
    **dict.fromkeys("codecov doctl".split(), ("-t",)),
    "rootpw": ("--plaintext",),
    "ssh-keygen": ("-N", "-P"),
    "gpg": ("--passphrase",),
    "openssl": ("-k", "-K"),
    "pdftk": ("user_pw", "owner_pw", "input_pw"),
    "nmcli": ("password",),
    "wpa_cli": ("psk",),
}
_USERS: Final = {
    **dict.fromkeys(
        "curl httpie http https xh curlie wget2 aria2c siege ab".split(),
        ("-u", "--user", "-U", "--proxy-user", "-a", "--auth", "-A"),
    ),
    **dict.fromkeys("smbclient winexe rpcclient net".split(), ("-U", "--user")),
    **dict.fromkeys("lftp nexus".split(), ("-u",)),
    **dict.fromkeys("java jenkins-cli".split(), ("-auth",)),
}
# Tools whose option means a password only beside this word.
_NEEDS: Final = {
    **dict.fromkeys("docker podman buildah skopeo nerdctl helm crane oc az cf ibmcloud bw".split(), "login"),
    "openssl": "enc",
    "rabbitmqadmin": "-u",
    "psexec": "-u",
}
# Words of which the one behind is the secret.
_AFTER: Final = {
    ("vault", "login"), ("cargo", "login"), ("circleci", "setup"), ("pulumi", "login"), ("rclone", "obscure"), ("snyk", "auth"),
}  # fmt: skip
# Words of which the second one behind is the secret, the first one being whose it is.
_AFTER_USER: Final = {
    ("rabbitmqctl", "add_user"), ("rabbitmqctl", "change_password"), ("rabbitmqctl", "authenticate_user"),
}  # fmt: skip
# Tools whose last word is the secret, with as many words before it.
_LAST: Final = {"wpa_passphrase": 2, "htpasswd": 4}
_FLAG: Final = r"(-{1,2}|/)([A-Za-z][\w.-]{0,80})(?:([=:])(.*))?"
_TOOLS: Final = (
    frozenset(_ATTACHED)
    | frozenset(_NEXT)
    | frozenset(_USERS)
    | {tool for tool, _ in _AFTER | _AFTER_USER}
    | frozenset(_LAST)
)
TOOL_NAMES: Final = tuple(sorted(_TOOLS))
LEADING: Final = frozenset(tool for tool, _ in _AFTER | _AFTER_USER) | frozenset(_LAST)
"""Tools whose password may stand behind no option at all."""
_CORE: Final = re.compile(r"[\[(]*(?:[brfu]?[\"'])?")


def base_name(word: str) -> str:
    """Return what a tool is called, however its path was written."""
    return word.rpartition("/")[2].rpartition("\\")[2].removesuffix(".exe").lower()


class _Words:
    """The walk along one command line."""

    def __init__(self, words: Sequence[str], *, flags: bool) -> None:
        self.words = words
        self.flags = flags
        self.tool = ""
        self.begin = 0
        self.found: list[WordSpan] = []

    def walk(self) -> list[WordSpan]:
        place = 0
        while place < len(self.words):
            word = self.words[place]
            name = base_name(word)
            if name in _TOOLS and not word.startswith("-"):
                # `docker exec db mysql -psecret`: the tool that is meant is the last one named.
                self.tool, self.begin = name, place
            elif word in {"|", ";", "&&", "||"}:
                self.tool = ""
            elif self._option(place, word) or self._beside_user(place, word):
                place += 1
            place += 1
        return self.found

    def _option(self, place: int, word: str) -> bool:
        """Judge one word; say whether the next one was judged with it."""
        following = self.words[place + 1] if place + 1 < len(self.words) else ""
        if self.flags and word[:1] in "-/" and len(word) > 2:
            judged = self._flag(place, word, following)
            if judged is not None:
                return judged
        if not self.tool:
            return False
        if self._attached(place, word):
            return False
        if self._needs() and following and word in _NEXT.get(self.tool, ()):
            return self._take(place + 1, 0, following, "password", plain=True)
        if word in _USERS.get(self.tool, ()) and following:
            return self._user(place + 1, 0, following)
        option, equals, value = word.partition("=")
        if equals and option in _USERS.get(self.tool, ()):
            return self._user(place, len(option) + 1, value) and False
        if self.tool in {"curl", "http", "https"} and word[:2] == "-u" and len(word) > 3:
            return self._user(place, 2, word[2:]) and False
        if self.tool == "openssl" and word.startswith("pass:") and len(word) > 5:
            self._take(place, 5, word[5:], "password", plain=True)
        elif (
            self.tool in _LAST
            and place - self.begin == _LAST[self.tool]
            and (self.tool != "htpasswd" or "b" in self.words[self.begin + 1])
        ):
            self._take(place, 0, word, "password", plain=True)
        elif (
            self.tool == "net"
            and place == self.begin + {"user": 3, "use": 4}.get(self.words[self.begin + 1], 0)
            and word[:1] != "/"
        ):
            self._take(place, 0, word, "password", plain=False)
        elif (self.tool, word) in _AFTER and following and not following.startswith("-"):
            return self._take(place + 1, 0, following, "token", plain=True)
        elif (self.tool, word) in _AFTER_USER and place + 2 < len(self.words):
            self._take(place + 2, 0, self.words[place + 2], "password", plain=True)
        return False

    def _flag(self, place: int, word: str, following: str) -> bool | None:
        match = expression(_FLAG).fullmatch(word)
        if match is None or (match[1] == "/" and match[3] != ":"):
            return None
        meant = Named("token", 2) if match[2] == "pat" else named(match[2])
        if meant.strength == 0 or (match[1] == "-" and len(match[2]) < 3):
            return None
        if match[3]:
            value = match[4]
            return bool(self._by_name(place, match.start(4), value, meant.kind, meant.strength)) and False
        if not following or (following.startswith("-") and not is_mixed(following[1:])):
            return False
        return self._by_name(place + 1, 0, following, meant.kind, meant.strength)

    def _by_name(self, place: int, begin: int, value: str, kind: str, strength: int) -> bool:
        if kind == "authorization":
            scheme = expression(r"(?i)(?:bearer|basic|token|apikey)\s+").match(value)
            if scheme is not None:
                begin, value = begin + scheme.end(), value[scheme.end() :]
            elif ":" in value and strength == 1 and not value.startswith(("http", "/")):
                return self._user(place, begin, value)
        if strength == 1 and not (
            is_random(value)
            or (kind in {"pin", "authorization"} and is_mixed(value))
            or (kind == "pin" and value.isdigit() and len(value) >= 4)
            or (kind == "token" and len(value) >= 6 and not is_prose_word(value))
        ):
            return False
        return self._take(place, begin, value, kind, plain=strength > 1)

    def _beside_user(self, place: int, word: str) -> bool:
        """Judge what any tool may be given as a password: behind `-p` beside a user, behind a verb such as `reset-password`."""
        following = self.words[place + 1] if place + 1 < len(self.words) else ""
        if not is_mixed(following) or is_code(following) or following[:1] in "-/.":
            return False
        if word == "-p" and self.tool not in _NEEDS:
            near = self.words[max(0, place - 8) : place + 10]
            users = {"-u", "-U", "--user", "--username", "user", "users", "login"}
            return not users.isdisjoint(near) and self._take(place + 1, 0, following, "password", plain=False)
        if word[:1] not in "-/" and word.endswith(("-password", "-passwd")) and "=" not in word:
            return self._take(place + 1, 0, following, "password", plain=False)
        return False

    def _needs(self) -> bool:
        wanted = _NEEDS.get(self.tool, "")
        return not wanted or wanted in self.words[self.begin :]

    def _attached(self, place: int, word: str) -> bool:
        if (
            word[:2] == "-p"
            and len(word) > 2
            and _NEEDS.get(self.tool) == "login"
            and "login" in self.words[self.begin : place]
        ):
            return self._take(place, 2, word[2:], "password", plain=True)
        for option in _ATTACHED.get(self.tool, ()):
            more = word.startswith(option) and len(word) > len(option) and word[len(option)] != "="
            if more and not word.startswith(("-port", "-protocol", "-pipe")):
                return self._take(place, len(option), word[len(option) :], "password", plain=True)
        return False

    def _user(self, place: int, begin: int, value: str) -> bool:
        for sign in ":%,":
            user, found, password = value.partition(sign)
            if (
                found
                and user
                and password
                and (sign == ":" or self.tool in {"smbclient", "winexe", "rpcclient", "net", "lftp"})
            ):
                if is_reference(user) and not user.isalnum() and "$" not in user:
                    break
                return self._take(place, begin + len(user) + 1, password, "password", plain=True)
            if found and password == "" and sign == ":" and is_random(user):
                return self._take(place, begin, user, "token", plain=True)
        if is_random(value):
            return self._take(place, begin, value, "token", plain=True)
        return False

    def _take(self, place: int, begin: int, value: str, kind: str, *, plain: bool) -> bool:
        text = value.strip("\"'")
        if (
            is_reference(value, sure=plain and self.tool != "")
            or is_metavar(text)
            or (not plain and (is_prose_word(text) or not is_mixed(text)))
        ):
            return False
        start = begin + (len(value) - len(value.lstrip("\"'")))
        self.found.append((place, start, start + len(text), kind))
        return True


def is_metavar(value: str) -> bool:
    """Say whether a word stands for a value in a usage line: `--password PASSWORD`."""
    return (
        value.isupper()
        and value.replace("_", "").isalpha()
        and (
            named(value).strength > 0
            or value in {"STRING", "TEXT", "VALUE", "FILE", "PATH", "STR", "PASS", "USER", "NAME", "KEY"}
        )
    )


def may_be_command(text: str) -> bool:
    """Say whether a text may be a command line with a secret behind a short option."""
    if _may_have_options(text):
        for tool in TOOL_NAMES:
            if tool in text:
                return True
    return False


def _may_have_options(text: str) -> bool:
    if "'-" in text or '"-' in text or "login" in text or "/p:" in text or "/password" in text:
        return True
    at = text.find(" -")
    while at >= 0:
        # Of the options with one dash, those of one letter: `-p`, but not `--path`.
        if text[at + 2 : at + 3] != "-":
            return True
        at = text.find(" -", at + 2)
    return any(word in text for word in _LONG_OPTIONS)


_LONG_OPTIONS: Final = (
    "--user",
    "--auth",
    "--passphrase",
    "--proxy-user",
    " obscure ",
    " auth ",
    "-password ",
    "--plaintext",
    "/user:",
    "add_user ",
    "change_password ",
)


def is_name(word: str) -> bool:
    """Say whether a word may be the name of a header or a variable."""
    return expression(r"[A-Za-z_][\w. -]{0,80}").fullmatch(word) is not None


def word_spans(words: Sequence[str], *, flags: bool = True) -> list[WordSpan]:
    """Find the secrets among the words of one command line.

    `flags` judges options by their names too; a scan of the same command as text has done that.
    """
    return _Words(words, flags=flags).walk()


_SPLIT: Final = r"(?:[^\s\"'\\|;]|\\.|\"(?:[^\"\\]|\\.){0,4096}\"|'[^'\n]{0,4096}'|[\"'\\](?!\s))+|[|;]|&&"


def tool_spans(text: str) -> list[tuple[int, int, str]]:
    """Find the passwords that the command lines in a text give to known tools by short options."""
    found: list[tuple[int, int, str]] = []
    tools = [re.escape(tool) for tool in TOOL_NAMES if tool in text]
    names = re.compile(r"(?<![\w.-])(?:" + "|".join(tools) + r")(?:\.exe)?(?=[\s'\",])")
    done = 0
    for match in names.finditer(text):
        if match.start() < done:
            continue
        line = text.find("\n", match.start())
        while line > 0 and text[line - 1] == "\\" and line - match.start() < 4096:
            line = text.find("\n", line + 1)
        begin = match.start()
        if begin and text[begin - 1] in "\"'" and text[match.end() : match.end() + 1] == text[begin - 1]:
            begin -= 1  # the quote of a word in a printed list
        done = min(len(text) if line < 0 else line, match.start() + 8192)
        places = [_core(text, part.start(), part.end()) for part in expression(_SPLIT).finditer(text, begin, done)]
        if places:
            # `bash -c "mysql -psecret"`: the quote that closes stands before the tool.
            words = [text[begin:end] for begin, end in places]
            found += [
                (places[number][0] + start, places[number][0] + end, kind)
                for number, start, end, kind in word_spans(words, flags=False)
            ]
    return found


def _core(text: str, begin: int, end: int) -> tuple[int, int]:
    """Return where a word stands without quotes around it and the signs of a printed list."""
    opened = _CORE.match(text, begin, end)
    if opened is not None and opened.end() > begin and opened.end() < end:
        quote = text[opened.end() - 1]
        if quote in "\"'":
            close = text.rfind(quote, opened.end(), end)
            return (
                (opened.end(), close) if close > 0 and not text[close + 1 : end].strip("])},") else (opened.end(), end)
            )
    while (
        end > begin + 1
        and text[end - 1] in "\"',)]}"
        and text.count(text[end - 1], begin, end) % 2 == 1
        and text[end - 1] in "\"'"
    ):
        end -= 1
    return begin, end
