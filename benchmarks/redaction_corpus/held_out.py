"""The held-out half: templates that no rule was tuned on. Whoever changes a rule does not look at its misses."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from urllib.parse import quote

from redaction_corpus import secrets as make
from redaction_corpus.case import Case, cases, lookalikes

PASSWORD_TEMPLATES = {
    "command line": [
        "mariadb-dump -h <H> -u<U> -p<S> orders > orders.sql",
        "sudo mount -t cifs //<H>/share /mnt -o username=<U>,password=<S>,vers=3.0",
        "sshpass -p '<S>' scp build.tar <U>@<H>:/srv/",
        "pg_restore --dbname=app --username <U> --password=<S> dump.bin",
        "curl --silent --user <U>:<S> https://<H>/status",
        "wget --http-user=<U> --http-password=<S> https://<H>/file.iso",
        "podman login -u <U> -p <S> <H>",
        "redis-cli -h <H> -a <S> PING",
        "ansible-playbook site.yml -e ansible_become_pass=<S>",
        "mvn deploy -Drepo.user=<U> -Drepo.password=<S> -DskipTests",
        "unzip -P <S> archive.zip",
        "openssl pkcs12 -in a.p12 -passin pass:<S> -nodes",
        "keytool -list -keystore ks.jks -storepass <S>",
        "net use Z: \\\\<H>\\share /user:<U> /password:<S>",
        "htpasswd -b .htpasswd <U> <S>",
        "env DB_PASS=<S> ./run.sh --port <N>",
        "docker run -e POSTGRES_PASSWORD=<S> -p 5432:5432 postgres:16",
        "kubectl create secret generic db --from-literal=password=<S>",
        "echo '<S>' | docker login --username <U> --password-stdin <H>",
        "ldapsearch -x -D cn=admin -w <S> -b dc=example",
    ],
    "argv": [
        ["pg_dump", "--username", "<U>", "--password", "<S>", "app"],
        ["mysql", "-u", "<U>", "-p<S>", "-h", "<H>"],
        ["curl", "-u", "<U>:<S>", "https://<H>/x"],
        ["sshpass", "-p", "<S>", "ssh", "<U>@<H>"],
        ["tool", "--db-password=<S>", "--verbose"],
        ["docker", "login", "-u", "<U>", "-p", "<S>", "<H>"],
        {"command": ["restic", "backup", "--passphrase", "<S>", "/srv"]},
    ],
    "url": [
        "cloning from https://<U>:<S>@<H>/team/repo.git failed",
        "amqps://<U>:<S>@<H>:5671/vhost",
        "connecting to mongodb+srv://<U>:<S>@<H>/app?retryWrites=true",
        "redis://:<S>@<H>:6379/0",
        "DATABASE_URL=postgresql+asyncpg://<U>:<S>@<H>:5432/app",
        {"broker": "amqp://<U>:<S>@<H>//"},
        "proxy = http://<U>:<S>@<H>:3128",
    ],
    "connection string": [
        "Server=<H>;Database=app;User Id=<U>;Password=<S>;Encrypt=true",
        "jdbc:postgresql://<H>/app?user=<U>&password=<S>&ssl=true",
        "host=<H> port=5432 dbname=app user=<U> password=<S> sslmode=require",
        "Data Source=<H>;Initial Catalog=x;UID=<U>;PWD=<S>",
        "<U>:<S>@tcp(<H>:3306)/app?parseTime=true",
    ],
    "file": [
        "[client]\nuser = <U>\npassword = <S>\nhost = <H>\n",
        "SMTP_HOST=<H>\nSMTP_PASSWORD=<S>\nSMTP_PORT=<N>\n",
        "spring:\n  datasource:\n    username: <U>\n    password: <S>\n    url: jdbc:h2:mem\n",
        "<datasource><user><U></user><password><S></password><host><H></host></datasource>",
        '<add key="AdminPassword" value="<S>" />',
        "machine <H> login <U> password <S>\n",
        "<H>:5432:app:<U>:<S>",
        '[db]\npassword = "<S>"\nport = <N>\n',
        "password: '<S>'  # rotated in May\n",
        "define('DB_PASSWORD', '<S>');",
        "db.password=<S>\ndb.user=<U>\n",
        "  - name: ADMIN_PASSWORD\n    value: <S>\n  - name: PORT\n    value: '<N>'\n",
        "$env:SQL_PASSWORD = '<S>'",
        "CREATE USER <U> WITH PASSWORD '<S>';",
        "ALTER USER '<U>'@'%' IDENTIFIED BY '<S>';",
    ],
    "json": [
        {"database": {"user": "<U>", "password": "<S>", "host": "<H>"}},
        {"dbPassword": "<S>", "retries": 3},
        {"Smtp-Password": "<S>"},
        {"env": [{"name": "ROOT_PASSWORD", "value": "<S>"}]},
        '{"user": "<U>", "passwd": "<S>", "tls": true}',
        'payload: "{\\"login\\": \\"<U>\\", \\"password\\": \\"<S>\\"}"',
        {"environ": {"PGPASSWORD": "<S>", "PGHOST": "<H>"}},
        "{'username': '<U>', 'password': '<S>'}",
        {"passwords": ["<S>"]},
    ],
    "prose": [
        "The password for <U> is <S>, please change it.",
        "logged in as <U> with password <S>",
        "pwd: <S>",
        "new passphrase: <S>",
        "FATAL: could not connect (user=<U> password=<S> host=<H>)",
        "credentials are <U>/<S>",
    ],
    "encoded": [
        "grant_type=password&username=<U>&password=<S>&scope=all",
    ],
}
TOKEN_TEMPLATES = {
    "command line": [
        "curl -H 'Authorization: Bearer <S>' https://<H>/v1/items",
        'curl -H "X-Api-Key: <S>" https://<H>/v1',
        "http GET https://<H>/x 'Authorization:Token <S>'",
        "gh api --header 'Authorization: token <S>' /user",
        "npm config set //registry.example.org/:_authToken=<S>",
        "vault login <S>",
        "export GITLAB_TOKEN=<S>",
        "set API_SECRET=<S>",
        "helm install x chart --set auth.token=<S>",
        "deploy --access-token <S> --region eu",
        "terraform apply -var 'api_key=<S>' -auto-approve",
        "aws configure set aws_secret_access_key <S>",
    ],
    "argv": [
        ["deploy", "--token", "<S>", "--env", "prod"],
        ["curl", "-H", "Authorization: Bearer <S>", "https://<H>"],
        ["app", "--api-key=<S>"],
        {"argv": ["cli", "--client-secret", "<S>"]},
    ],
    "url": [
        "GET https://<H>/cb?access_token=<S>&expires_in=3600",
        "https://<H>/blob?sv=2022-11-02&sr=b&sig=<S>&se=2026-01-01",
        "https://<H>/v1/data?format=json&api_key=<S>",
        "https://<H>/download?X-Amz-Date=20260101T000000Z&X-Amz-Signature=<S>",
        "https://<H>/feed?token=<S>",
    ],
    "header": [
        "Proxy-Authorization: Bearer <S>",
        "set-cookie: session=<S>; Path=/; HttpOnly",
        "Cookie: theme=dark; sessionid=<S>",
        "> X-Auth-Token: <S>",
        "PRIVATE-TOKEN: <S>",
        {"headers": {"Authorization": "Bearer <S>", "Accept": "text/html"}},
        {"headers": {"x-api-key": "<S>"}},
        {"headers": [["Authorization", "Bearer <S>"], ["Host", "<H>"]]},
    ],
    "file": [
        "api_token: <S>\nhost: <H>\n",
        "SECRET_KEY = '<S>'",
        'const clientSecret = "<S>";',
        '<string name="api_key"><S></string>',
        "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=<S>;EndpointSuffix=core.windows.net",
        "//npm.example.net/:_authToken=<S>",
        "refresh_token = <S>",
        "[default]\naws_secret_access_key = <S>\nregion = eu-west-1\n",
        "Endpoint=sb://x.example.net/;SharedAccessKeyName=Root;SharedAccessKey=<S>",
    ],
    "json": [
        {"apiKey": "<S>"},
        {"auth": {"access_token": "<S>", "token_type": "bearer"}},
        {"clientSecret": "<S>", "clientId": "app"},
        {"nested": [{"deep": {"secret_access_key": "<S>"}}]},
        '{"refresh_token":"<S>","expires_in":3600}',
        "{'api_key': '<S>', 'timeout': 30}",
        {"note": 'retry with {"token": "<S>"}'},
    ],
    "prose": [
        "Using API key: <S>",
        "the access token is <S>",
        "rejected token <S> for user <U>",
    ],
    "encoded": [
        "next=%2Fcb%3Faccess_token%3D<S>%26state%3D1",
    ],
}
SHAPE_TEMPLATES = [
    "fatal: remote said <S> is not allowed",
    {"output": ["line one", "found <S> in config"]},
    "log: value=<S> level=info",
    ["run", "<S>"],
    {"<S>": 1},
]
LOOKALIKES = [
    "Usage: tool [--password PASSWORD] [--token TOKEN] file",
    "ValueError: password must be at least 12 characters",
    "error: token is missing or has expired",
    "FAILED tests/test_auth.py::test_password_reset - AssertionError",
    "--no-password --username <U>",
    "password: null",
    "password: ${DB_PASSWORD}",
    "token: $CI_JOB_TOKEN",
    'secret = "{{ vault_secret }}"',
    "api_key: <your-api-key>",
    "password=********",
    {"max_tokens": 4096, "prompt_tokens": 12, "token_count": 512},
    {"password": None, "token": ""},
    {"password_required": True, "pass": 12, "passed": 40, "bypass": False},
    {"author": "<U>", "authority": "local", "authenticated": True},
    {"sort_key": "created_at", "primary_key": "id", "cache_key": "user:<N>:profile"},
    "authorization_endpoint: https://<H>/oauth/authorize",
    "SyntaxError: unexpected token: expected ')' but found '}'",
    "secretary: <U>",
    "keyboard=us layout=intl",
    "The compass bypass passed <N> checks",
    "Loading secrets.yaml and token.py",
    "def check_password(password: str, hashed: str) -> bool:",
    "password = getpass.getpass('Password: ')",
    "token = request.headers.get('X-Token')",
    "kubectl get secret db-credentials -n prod",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 <U>@<H>",
    "Please enter your password and press enter.",
    "--password-file /run/secrets/db --token-ttl 3600",
    "key: value pairs are separated by a colon",
    {"key": "name", "value": "<U>"},
    ["--key", "name", "--sort", "asc"],
    "git clone git@github.com:team/repo.git",
    "http://<H>:8080/path?page=<N>&sort=name",
    "basic authentication is disabled, bearer tokens are accepted",
    'WWW-Authenticate: Bearer realm="api"',
    "Set-Cookie: theme=dark; Path=/",
    "session started at 12:30, auth took <N>ms",
    "docker pull nginx:1.25@sha256:" + "ab12" * 16,
    "password (optional): leave blank to keep the current one",
]
ID_TEMPLATES = [
    "commit <S>",
    "run id <S> finished in <N>s",
    {"id": "<S>", "request_id": "<S>"},
    "/srv/builds/<S>/out.log",
    {"checksum": "<S>"},
    "etag=<S> size=<N>",
    ["git", "checkout", "<S>"],
    "https://<H>/objects/<S>?page=<N>",
    {"idempotency_key": "<S>"},
    "pass: <S>",
]


def held_out(seed: int = 20_260) -> Iterator[Case]:
    """Yield the held-out cases."""
    rng = random.Random(seed)
    for kind, templates in PASSWORD_TEMPLATES.items():
        yield from cases(
            kind, templates, make.PASSWORDS if kind not in {"url", "encoded"} else make.PASSWORDS[::3], rng
        )
    for kind, templates in TOKEN_TEMPLATES.items():
        yield from cases(kind, templates, make.TOKENS[:1] + make.TOKENS[2:], rng)
    for kind, maker in make.PROVIDERS.items():
        yield from cases(f"form: {kind}", SHAPE_TEMPLATES, [maker], rng)
    for title in ("PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "PGP PRIVATE KEY BLOCK"):
        for wrap in ("key:\n{}\nend", '{{"pem": "{}"}}'):
            text = make.pem(rng, title)
            shown = text if "\nend" in wrap else text.replace("\n", "\\n")
            yield Case("private key", wrap.format(shown), (make.pem_body(text),))
            yield Case("private key", {"pem": text}, (make.pem_body(text),))
    for _ in range(12):
        password, user = make.machine_password(rng), make.word(rng)
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        yield Case("encoded", f"curl -H 'Authorization: Basic {basic}' https://x.example", (basic,))
        yield Case("encoded", {"auths": {"r.example": {"auth": basic}}}, (basic,))
        odd = make.word(rng) + "@/" + str(rng.randint(10, 99)) + "&"
        yield Case("encoded", f"user={user}&password={quote(odd, safe='')}&go=1", (quote(odd, safe=""),))
    yield from lookalikes("look-alike", LOOKALIKES, rng)
    yield from lookalikes("look-alike: id", ID_TEMPLATES[:-1], rng, (*make.IDS, make.version, make.timestamp))
    yield from lookalikes("look-alike: image", ["data:image/png;base64,<S>", {"image": "<S>"}], rng, [make.image])
