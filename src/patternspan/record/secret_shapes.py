"""Secrets that are known by their form alone: tokens of providers, keys in armour, hashes of passwords.

Each shape begins with a literal, which `str.find` finds quickly; its expression is tried there and nowhere else, and
each repetition in it is bounded or over one class. So the time is linear in the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from patternspan.record.secret_names import expression

Span = tuple[int, int, str]
"""Where a secret begins and ends in a text, and of what kind it is."""

# Kind, literals that it may begin with, what follows the literal.
_TOKENS: Final[tuple[tuple[str, str, str], ...]] = (
    ("aws_key", "AKIA ASIA ABIA ACCA AGPA AIDA AROA AIPA ANPA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("aws_key", "ABSK", r"[A-Za-z0-9+/]{60,200}={0,2}"),
    ("aws_token", "FwoGZXIvYXdz IQoJb3JpZ2lu", r"[A-Za-z0-9+/=%]{20,4096}"),
    ("aws_key", "amzn.mws.", r"[0-9a-f-]{36}"),
    ("github_token", "ghp_ gho_ ghu_ ghs_ ghr_", r"[A-Za-z0-9]{20,255}"),
    ("github_token", "github_pat_", r"[A-Za-z0-9_]{20,255}"),
    ("gitlab_token", "glpat- glptt- gldt- glrt- glcbt- glsoat- glimt- glagent- glft- glffct-", r"[A-Za-z0-9_.-]{16,255}"),
    ("gitlab_token", "GR1348941", r"[A-Za-z0-9_-]{20,64}"),
    ("slack_token", "xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe. xapp-", r"[A-Za-z0-9.%+/=-]{10,400}"),
    ("google_key", "AIza", r"[A-Za-z0-9_-]{30,40}"),
    ("google_key", "GOCSPX-", r"[A-Za-z0-9_-]{20,40}"),
    ("google_token", "ya29.", r"[A-Za-z0-9_.-]{20,2048}"),
    ("google_token", "1//0", r"[A-Za-z0-9_-]{30,255}"),
    ("stripe_key", "sk_live_ sk_test_ rk_live_ rk_test_ sk_prod_", r"[A-Za-z0-9]{10,255}"),
    ("stripe_key", "whsec_", r"[A-Za-z0-9+/=]{20,255}"),
    ("api_key", "sk-", r"(?:[A-Za-z]{2,12}[A-Za-z0-9]{0,4}-){0,3}(?=[A-Za-z_-]{0,80}[0-9])[A-Za-z0-9_-]{20,255}"),
    ("api_key", "sk_ rk-", r"(?=[A-Za-z_-]{0,60}[0-9])[A-Za-z0-9]{24,255}"),
    ("api_key", "gsk_", r"[A-Za-z0-9]{30,255}"),
    ("api_key", "pplx-", r"[A-Za-z0-9]{30,255}"),
    ("api_key", "xai-", r"[A-Za-z0-9]{40,255}"),
    ("api_key", "r8_", r"[A-Za-z0-9]{30,60}"),
    ("package_token", "npm_", r"[A-Za-z0-9]{30,60}"),
    ("package_token", "pypi-", r"[A-Za-z0-9_-]{32,1024}"),
    ("package_token", "rubygems_", r"[a-f0-9]{40,64}"),
    ("package_token", "dckr_pat_ dckr_oat_", r"[A-Za-z0-9_-]{20,64}"),
    ("package_token", "oy2", r"[a-z0-9]{43}(?![A-Za-z0-9])"),
    ("package_token", "AKCp", r"[A-Za-z0-9]{60,80}"),
    ("package_token", "cmVmdGtuO", r"[A-Za-z0-9]{50,70}"),
    ("hugging_face_token", "hf_ api_org_", r"[A-Za-z0-9]{30,255}"),
    ("sendgrid_key", "SG.", r"[A-Za-z0-9_-]{16,40}\.[A-Za-z0-9_-]{16,80}"),
    ("mail_key", "xkeysib- xsmtpsib-", r"[a-f0-9]{40,64}-?[A-Za-z0-9]{0,20}"),
    ("mail_key", "key-", r"[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("twilio_key", "SK", r"[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("digitalocean_token", "dop_v1_ doo_v1_ dor_v1_", r"[a-f0-9]{40,64}"),
    ("databricks_token", "dapi dkea dose", r"[a-f0-9]{32}(?:-\d)?(?![A-Za-z0-9])"),
    ("linear_key", "lin_api_ lin_oauth_", r"[A-Za-z0-9]{30,64}"),
    ("notion_token", "secret_", r"(?=[A-Za-z]{0,42}[0-9])[A-Za-z0-9]{40,50}(?![A-Za-z0-9])"),
    ("notion_token", "ntn_", r"[A-Za-z0-9]{30,64}"),
    ("vault_token", "hvs. hvb. hvr.", r"[A-Za-z0-9_-]{20,400}"),
    ("grafana_token", "glsa_", r"[A-Za-z0-9]{20,40}_[a-fA-F0-9]{6,10}"),
    ("grafana_token", "glc_", r"[A-Za-z0-9+/]{30,400}={0,2}"),
    ("grafana_token", "eyJrIjoi", r"[A-Za-z0-9+/]{40,400}={0,2}"),
    ("age_key", "AGE-SECRET-KEY-1 age-secret-key-1", r"[A-Za-z0-9]{40,64}"),
    ("shopify_token", "shpat_ shpca_ shppa_ shpss_", r"[a-fA-F0-9]{32}"),
    ("newrelic_key", "NRAK- NRII- NRRA- NRIQ-", r"[A-Za-z0-9_-]{20,64}"),
    ("heroku_key", "HRKU-", r"[A-Za-z0-9_-]{30,80}"),
    ("square_token", "sq0atp- sq0csp- sq0idp-", r"[A-Za-z0-9_-]{20,60}"),
    ("square_token", "EAAA", r"[A-Za-z0-9_-]{56,80}(?![A-Za-z0-9])"),
    ("facebook_token", "EAACEdEose0cBA EAAB EAAC EAAG EAAD EAAJ EAAM", r"[A-Za-z0-9]{40,400}"),
    ("paypal_token", "access_token$production$ access_token$sandbox$", r"[a-z0-9]{16}\$[a-f0-9]{32}"),
    ("twitter_token", "AAAAAAAAAAAAAAAAAAAA", r"[A-Za-z0-9%]{40,200}(?![A-Za-z0-9/+])"),
    ("firebase_key", "AAAA", r"[A-Za-z0-9_-]{7}:APA91[A-Za-z0-9_-]{100,200}"),
    ("atlassian_token", "ATATT3 ATCTT3", r"[A-Za-z0-9_=-]{60,400}"),
    ("atlassian_token", "ATBB", r"[A-Za-z0-9]{24,60}"),
    ("contentful_token", "CFPAT-", r"[A-Za-z0-9_-]{30,64}"),
    ("ci_token", "CCIPAT_ CCIPRJ_", r"[A-Za-z0-9_]{20,128}"),
    ("ci_token", "bkua_ bkct_", r"[a-f0-9]{30,64}"),
    ("doppler_token", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", r"(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{30,60}"),
    ("fly_token", "fm1_ fm1r_ fm2_ fo1_", r"[A-Za-z0-9+/_-]{40,2048}={0,2}"),
    ("netlify_token", "nfp_", r"[A-Za-z0-9]{30,64}"),
    ("render_key", "rnd_", r"[A-Za-z0-9]{24,64}"),
    ("supabase_key", "sbp_ sb_secret_", r"[A-Za-z0-9_]{24,64}"),
    ("planetscale_token", "pscale_tkn_ pscale_pw_ pscale_oauth_", r"[A-Za-z0-9_.=-]{24,80}"),
    ("postman_key", "PMAK-", r"[a-f0-9]{20,30}-[a-f0-9]{30,40}"),
    ("pulumi_token", "pul-", r"[a-f0-9]{40}"),
    ("readme_key", "rdme_", r"[a-z0-9]{50,80}"),
    ("sentry_token", "sntrys_ sntryu_", r"[A-Za-z0-9+/=_-]{40,600}"),
    ("sourcegraph_token", "sgp_", r"(?:[A-Za-z0-9]{8,20}_)?[a-f0-9]{40}"),
    ("sonar_token", "sqp_ squ_ sqa_ sqb_", r"[a-f0-9]{40}"),
    ("typeform_token", "tfp_", r"[A-Za-z0-9_.=-]{40,80}"),
    ("tailscale_key", "tskey-", r"(?:[a-z]{2,12}-)?[A-Za-z0-9]{8,32}(?:-[A-Za-z0-9]{16,64})?"),
    ("onepassword_token", "ops_eyJ", r"[A-Za-z0-9+/_-]{50,2048}={0,3}"),
    ("mapbox_token", "sk.eyJ", r"[A-Za-z0-9_-]{20,400}\.[A-Za-z0-9_-]{10,60}"),
    ("payment_key", "FLWSECK_TEST- FLWSECK-", r"[A-Za-z0-9]{12,64}(?:-X)?"),
    ("payment_key", "rzp_live_ rzp_test_", r"[A-Za-z0-9]{14,40}"),
    ("payment_key", "shippo_live_ shippo_test_ EZAK EZTK", r"[A-Za-z0-9]{40,64}(?![A-Za-z0-9])"),
    ("payment_key", "access-production- access-sandbox- access-development-", r"[0-9a-f-]{36}"),
    ("launchdarkly_key", "sdk- api- mob-", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("prefect_key", "pnu_ pnb_", r"[A-Za-z0-9]{30,64}"),
    ("alibaba_key", "LTAI", r"[A-Za-z0-9]{12,24}(?![A-Za-z0-9])"),
    ("tencent_key", "AKID", r"[A-Za-z0-9]{28,40}(?![A-Za-z0-9])"),
    ("figma_token", "figd_", r"[A-Za-z0-9_-]{30,64}"),
    ("api_key", "nvapi- tvly- jina_ pcsk_ apify_api_ phx_ csk-", r"(?=[A-Za-z_-]{0,60}[0-9])[A-Za-z0-9_-]{28,120}"),
    ("api_key", "lsv2_pt_ lsv2_sk_", r"[a-f0-9]{32}_[a-f0-9]{10}"),
    ("api_key", "re_", r"[A-Za-z0-9]{8}_[A-Za-z0-9]{24}(?![A-Za-z0-9])"),
    ("vercel_token", "vercel_blob_rw_", r"[A-Za-z0-9_]{28,80}"),
    ("dynatrace_token", "dt0c01. dt0s01. dt0s16.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ("hubspot_token", "pat-na1- pat-eu1-", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("jwt", "eyJ", r"[A-Za-z0-9_-]{5,8192}(?:\.|%2E)[A-Za-z0-9_-]{5,8192}(?:\.[A-Za-z0-9_-]{0,8192}){0,3}"),
    ("ssh_key", "b3BlbnNzaC1rZXktdj", r"(?:[A-Za-z0-9+/=]|\\n|\s(?=[A-Za-z0-9+/=]{8})){20,16384}"),
    ("password_hash", "$2a$ $2b$ $2x$ $2y$", r"\d\d\$[A-Za-z0-9./]{53}"),
    ("password_hash", "$1$ $5$ $6$ $y$ $7$ $apr1$", r"(?:rounds=\d{1,9}\$)?[A-Za-z0-9./]{1,64}\$[A-Za-z0-9./$]{20,128}"),
    ("password_hash", "$argon2id$ $argon2i$ $argon2d$", r"v=\d+\$[a-z=,0-9]{1,60}\$[A-Za-z0-9+/]{8,128}\$[A-Za-z0-9+/]{16,128}"),
    ("password_hash", "pbkdf2_sha256$ pbkdf2_sha1$", r"\d{1,9}\$[A-Za-z0-9./]{1,64}\$[A-Za-z0-9+/=]{20,128}"),
    ("webhook", "hooks.slack.com/services/ hooks.slack.com/workflows/ hooks.slack.com/triggers/", r"[A-Za-z0-9_/-]{10,200}"),
    ("webhook", "/api/webhooks/", r"\d{10,25}/[A-Za-z0-9_-]{20,100}"),
    ("webhook", "hooks.zapier.com/hooks/catch/ hook.integromat.com/ hook.us1.make.com/ hook.eu1.make.com/ hook.eu2.make.com/", r"[A-Za-z0-9_/-]{8,120}"),
    ("webhook", ".webhook.office.com/webhookb2/ outlook.office.com/webhook/ .webhook.office.com/webhook/", r"[A-Za-z0-9@_/-]{30,400}"),
)  # fmt: skip
# Those whose secret has no literal at its beginning: a literal inside it, how far before that it may begin, the shape.
_INNER: Final[tuple[tuple[str, str, int, str], ...]] = (
    ("telegram_token", ":AA", 12, r"\d{7,12}:AA[A-Za-z0-9_-]{30,40}"),
    ("terraform_token", ".atlasv1.", 16, r"[A-Za-z0-9]{12,16}\.atlasv1\.[A-Za-z0-9_=-]{50,100}"),
    ("azure_secret", "Q~", 8, r"[A-Za-z0-9_~.-]{3,4}\dQ~[A-Za-z0-9_~.-]{31,36}"),
    ("newrelic_key", "NRAL", 40, r"[a-f0-9]{36,40}NRAL"),
    ("mailchimp_key", "-us", 34, r"[0-9a-f]{32}-us\d{1,2}(?![A-Za-z0-9])"),
    ("airtable_token", ".", 20, r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    ("azure_key", "AzCa ACDb AIoT +ASt AZEG AZDO", 80, r"[A-Za-z0-9+/]{33,76}(?:AzCa|ACDb|AIoT|\+ASt|AZEG|AZDO)[A-Za-z0-9+/]{2,12}={0,2}"),
)  # fmt: skip
_DISCORD: Final = r"(?:(?<![A-Za-z0-9_.-])|(?<=\\[nrt]))[MNO][A-Za-z0-9_-]{22,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,45}(?![A-Za-z0-9_-])"
_ARMOUR: Final = r"-{4,5} ?BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
_ARMOUR_END: Final = r"-{4,5} ?END (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
_ARMOURED: Final = r"(?:\s|\\+[nr]){1,12}(?:[\w-]{1,24}: |[A-Za-z0-9+/=]{8})|[A-Za-z0-9+/=]{16}| [A-Za-z0-9+/=]{16}"
_PUTTY: Final = r"Private-Lines: \d{1,4}\r?\n(?:[A-Za-z0-9+/=]{1,80}\r?\n?){1,200}"
_AWS_SECRET: Final = r"(?<![A-Za-z0-9+/=_-])(?=[A-Za-z+/]{0,39}\d)(?=[a-z0-9+/]{0,39}[A-Z])(?=[A-Z0-9+/]{0,39}[a-z])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=_-])"
_JWK: Final = r"\"(?:d|p|q|dp|dq|qi|k)\"\s{0,4}:\s{0,4}\"([A-Za-z0-9_-]{16,1024})\""
_WORDY: Final = frozenset("key- api- sdk- mob- sk- SK oy2 secret_ xapp- pul-".split())


@cache
def _by_literal() -> tuple[tuple[str, str, str], ...]:
    return tuple((literal, kind, tail) for kind, literals, tail in _TOKENS for literal in literals.split())


@cache
def literals() -> tuple[str, ...]:
    """Return what a text must hold one of to hold any shape."""
    inner = [part for _, parts, _, _ in _INNER for part in parts.split() if part != "."]
    return (*(literal for literal, _, _ in _by_literal()), *inner, "PRIVATE KEY", "Private-Lines", '"kty"')


def shape_spans(text: str) -> Iterator[Span]:
    """Find the secrets in a text that are known by their form."""
    for literal, kind, tail in _by_literal():
        at = text.find(literal)
        while at >= 0:
            after = at + len(literal)
            if _starts_word(text, at, literal):
                match = expression(tail).match(text, after)
                if match is not None:
                    yield _from(at, literal), match.end(), kind
                    after = match.end()
                elif kind == "jwt":
                    # What could not be one from here cannot from further on in the same run either.
                    run = expression(r"[A-Za-z0-9_-]*").match(text, after)
                    after = run.end() if run is not None else after
            at = text.find(literal, after)
    for kind, parts, back, shape in _INNER:
        for part in parts.split():
            yield from _inner(text, kind, part, back, shape)
    if "." in text:
        for match in expression(_DISCORD).finditer(text):
            if any(map(str.isdigit, match[0])):
                yield match.start(), match.end(), "discord_token"
    yield from _armoured(text)
    yield from _beside(text)


def _from(at: int, literal: str) -> int:
    """Return where the secret begins: of a webhook's address the host stays."""
    return at + len(literal) if "/" in literal and literal != "1//0" else at


def _starts_word(text: str, at: int, literal: str) -> bool:
    if at == 0 or literal[0] in "/.$":
        return True
    before = text[at - 1]
    if not (before.isalnum() or (before in "-_" and literal in _WORDY)):
        return True
    # Encoded text: `%3Dghp_…`, and `\nghp_…` with the two characters of an escape.
    return text[at - 3 : at - 2] == "%" or (before in "nrt" and text[at - 2 : at - 1] == "\\")


def _inner(text: str, kind: str, part: str, back: int, shape: str) -> Iterator[Span]:
    at = -1 if part == "." and "pat" not in text else text.find(part)
    done = 0
    while at >= 0:
        start = max(done, at - back)
        word = expression(r"[A-Za-z0-9_~+/.-]*$" if kind != "telegram_token" else r"\d*$").search(text[start:at])
        begin = start + word.start() if word is not None else at
        match = expression(shape).match(text, begin) or (
            expression(shape).search(text, begin, at + 120) if begin < at else None
        )
        if match is not None and match.start() <= at:
            yield match.start(), match.end(), kind
            done = match.end()
        at = text.find(part, max(at + len(part), done))


def _armoured(text: str) -> Iterator[Span]:
    at = 0
    while (at := text.find("PRIVATE KEY", at)) >= 0:
        begin = expression(_ARMOUR).search(text, max(0, at - 70), at + 24)
        at += 11
        if begin is None or begin.end() < at:
            continue
        if expression(_ARMOURED).match(text, begin.end()) is None:
            continue
        near = text.find(" END ", begin.end())
        near = text.find("-END ", begin.end()) if near < 0 else near
        end = expression(_ARMOUR_END).search(text, begin.end()) if text.find("END ", begin.end()) >= 0 else None
        yield begin.start(), end.end() if end is not None else len(text), "private_key"
        if end is None:
            return
        at = end.end()
    if "Private-Lines" in text:
        for match in expression(_PUTTY).finditer(text):
            yield match.start(), match.end(), "private_key"


def _beside(text: str) -> Iterator[Span]:
    """Find what is a secret for what stands near it: the other half of an AWS key, the numbers of a JWK."""
    if "AKIA" in text or "ASIA" in text:
        for match in expression(_AWS_SECRET).finditer(text):
            if (
                "AKIA" in text[max(0, match.start() - 300) : match.end() + 300]
                or "ASIA" in text[max(0, match.start() - 300) : match.end() + 300]
            ):
                yield match.start(), match.end(), "aws_secret"
    if '"kty"' in text:
        for match in expression(_JWK).finditer(text):
            yield match.start(1), match.end(1), "private_key"
