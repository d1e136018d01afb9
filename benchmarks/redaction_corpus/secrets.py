"""Secrets by kind, from random parts: none of them was ever one."""

from __future__ import annotations

import base64
import json
import random
import string

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALNUM = LOWER + UPPER + DIGITS
HEX = "0123456789abcdef"
_SYLLABLES = "ba de fo gu ki lo mu ne pa ri so tu va we xi zo bra cle dro fli gru ska tre pru".split()


def some(rng: random.Random, alphabet: str, length: int) -> str:
    """Return random characters with at least one digit where the alphabet has digits."""
    text = [rng.choice(alphabet) for _ in range(length)]
    if DIGITS[1] in alphabet:
        text[rng.randrange(length)] = rng.choice(DIGITS)
    return "".join(text)


def word(rng: random.Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 4)))


# Passwords, as people and machines make them


def simple_password(rng: random.Random) -> str:
    return word(rng) + str(rng.randint(1, 9999))


def capital_password(rng: random.Random) -> str:
    return word(rng).capitalize() + rng.choice("!#?") + str(rng.randint(10, 99))


def strong_password(rng: random.Random) -> str:
    return some(rng, ALNUM + "!#^*_+~.-", 14)


def machine_password(rng: random.Random) -> str:
    return some(rng, ALNUM, 20)


def hex_secret(rng: random.Random) -> str:
    return some(rng, HEX, rng.choice((32, 40, 64)))


def base64_secret(rng: random.Random) -> str:
    return base64.b64encode(rng.randbytes(30)).decode() + "=="[: rng.choice((0, 0))]


def url_token(rng: random.Random) -> str:
    return some(rng, ALNUM + "-_", 32).replace("--", "a-").strip("-_") + "x7"


def uuid_secret(rng: random.Random) -> str:
    return "-".join(some(rng, HEX, n) for n in (8, 4, 4, 4, 12))


PASSWORDS = (simple_password, capital_password, strong_password, machine_password)
TOKENS = (hex_secret, base64_secret, url_token, machine_password)


# Tokens of providers


def jwt(rng: random.Random) -> str:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    body = {"sub": str(rng.randint(1, 10**9)), "name": word(rng), "iat": rng.randint(10**9, 2 * 10**9)}
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(body)}.{some(rng, ALNUM + '-_', 43)}"


def shape(prefix: str, alphabet: str, length: int, suffix: str = "") -> object:
    return lambda rng: prefix + some(rng, alphabet, length) + suffix


def _slack(rng: random.Random) -> str:
    return f"xoxb-{some(rng, DIGITS, 12)}-{some(rng, DIGITS, 12)}-{some(rng, ALNUM, 24)}"


def _sendgrid(rng: random.Random) -> str:
    return f"SG.{some(rng, ALNUM, 22)}.{some(rng, ALNUM + '-_', 43)}"


def _telegram(rng: random.Random) -> str:
    return f"{some(rng, '123456789', 10)}:AA{some(rng, ALNUM + '-_', 33)}"


def _discord(rng: random.Random) -> str:
    return f"M{some(rng, ALNUM, 23)}.{some(rng, ALNUM, 6)}.{some(rng, ALNUM, 27)}"


def _terraform(rng: random.Random) -> str:
    return f"{some(rng, ALNUM, 14)}.atlasv1.{some(rng, ALNUM, 64)}"


PROVIDERS = {
    "aws_key": shape("AK" + "IA", UPPER + "234567", 16),
    "aws_temporary": shape("AS" + "IA", UPPER + "234567", 16),
    "github": shape("gh" + "p_", ALNUM, 36),
    "github_server": shape("gh" + "s_", ALNUM, 36),
    "github_fine": lambda rng: f"github_pat_{some(rng, ALNUM, 22)}_{some(rng, ALNUM, 59)}",
    "gitlab": shape("glp" + "at-", ALNUM + "_-", 20),
    "slack": _slack,
    "slack_app": lambda rng: f"xapp-1-A{some(rng, UPPER + DIGITS, 10)}-{some(rng, DIGITS, 13)}-{some(rng, HEX, 64)}",
    "stripe": shape("sk_" + "live_", ALNUM, 24),
    "stripe_restricted": shape("rk_" + "live_", ALNUM, 24),
    "sendgrid": _sendgrid,
    "twilio": shape("S" + "K", HEX, 32),
    "npm": shape("np" + "m_", ALNUM, 36),
    "pypi": shape("py" + "pi-AgEIcHlwaS5vcmc", ALNUM + "-_", 80),
    "hugging_face": shape("h" + "f_", ALNUM, 34),
    "openai": shape("s" + "k-", ALNUM, 48),
    "openai_project": shape("s" + "k-proj-", ALNUM + "-_", 60),
    "anthropic": shape("s" + "k-ant-api03-", ALNUM + "-_", 90),
    "digitalocean": shape("do" + "p_v1_", HEX, 64),
    "databricks": shape("da" + "pi", HEX, 32),
    "linear": shape("lin_" + "api_", ALNUM, 40),
    "notion": shape("nt" + "n_", ALNUM, 43),
    "telegram": _telegram,
    "discord": _discord,
    "vault": shape("hv" + "s.", ALNUM, 24),
    "terraform": _terraform,
    "grafana": lambda rng: "gl" + f"sa_{some(rng, ALNUM, 32)}_{some(rng, HEX, 8)}",
    "age": shape("AGE-" + "SECRET-KEY-1", UPPER + DIGITS, 58),
    "shopify": shape("shp" + "at_", HEX, 32),
    "mailgun": shape("ke" + "y-", HEX, 32),
    "new_relic": shape("NR" + "AK-", UPPER + DIGITS, 27),
    "google": shape("AI" + "za", ALNUM + "-_", 35),
    "google_oauth": shape("GOC" + "SPX-", ALNUM, 28),
    "azure": lambda rng: f"{some(rng, ALNUM, 3)}8Q~{some(rng, ALNUM + '._', 33)}a",
    "jwt": jwt,
    "docker_hub": shape("dckr_" + "pat_", ALNUM, 27),
    "atlassian": shape("ATA" + "TT3", ALNUM + "-_", 180, "=1A2B3C4D"),
    "square": shape("sq0" + "atp-", ALNUM, 22),
    "postman": lambda rng: "PMA" + f"K-{some(rng, HEX, 24)}-{some(rng, HEX, 34)}",
    "sonar": shape("sq" + "u_", HEX, 40),
    "tailscale": lambda rng: "tskey-" + f"auth-{some(rng, ALNUM, 12)}-{some(rng, ALNUM, 32)}",
}


def pem(rng: random.Random, title: str = "RSA PRIVATE KEY", lines: int = 6) -> str:
    body = "\n".join(base64.b64encode(rng.randbytes(48)).decode() for _ in range(lines))
    return f"-----BEGIN {title}-----\n{body}\n-----END {title}-----"


def pem_body(text: str) -> str:
    return text.split("\n")[2]


# What must stay


def git_hash(rng: random.Random) -> str:
    return some(rng, HEX, 40)


def sha256(rng: random.Random) -> str:
    return some(rng, HEX, 64)


def ulid(rng: random.Random) -> str:
    return "01" + some(rng, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24)


def version(rng: random.Random) -> str:
    return f"{rng.randint(0, 20)}.{rng.randint(0, 40)}.{rng.randint(0, 99)}"


def timestamp(rng: random.Random) -> str:
    return f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:00.{rng.randint(0, 999999):06}Z"


def image(rng: random.Random) -> str:
    return "iVBORw0KGgo" + base64.b64encode(rng.randbytes(rng.randint(90, 900))).decode()


IDS = (uuid_secret, git_hash, sha256, ulid)
