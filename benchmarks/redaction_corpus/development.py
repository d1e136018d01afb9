"""The development half: what rules are tuned on, every kind of secret in many contexts, and look-alikes."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from urllib.parse import quote

from redaction_corpus import secrets as make
from redaction_corpus.case import Case, cases, lookalikes

PASSWORD_TEMPLATES = {
    "command line": [
        "psql --password <S> -h <H>",
        "mysql -u <U> -p<S> -h <H> app",
        "mysqldump -u<U> -p'<S>' app | gzip > out.gz",
        "curl -u <U>:<S> https://<H>/x",
        "curl -u '<U>:<S>' https://<H>/x",
        "PGPASSWORD=<S> psql -h <H> -U <U>",
        "PGPASSWORD='<S>' pg_dump app",
        "sshpass -p <S> ssh <U>@<H>",
        "sshpass -p<S> ssh <U>@<H>",
        "docker login -u <U> -p <S> <H>",
        "helm registry login <H> --username <U> --password <S>",
        "export ADMIN_PASSWORD=<S>",
        'export ADMIN_PASSWORD="<S>" && run',
        "java -Djavax.net.ssl.trustStorePassword=<S> -jar app.jar",
        "smbclient //<H>/share -U <U>%<S>",
        "mongosh --host <H> -u <U> -p <S> --authenticationDatabase admin",
        "echo <U>:<S> | chpasswd",
        "echo <S> | sudo -S apt-get update",
        "sqlcmd -S <H> -U <U> -P <S> -Q 'select 1'",
        "7z a -p<S> out.7z dir",
        "zip -r -P <S> out.zip dir",
        "openssl enc -aes-256-cbc -pass pass:<S> -in a -out b",
        "gpg --batch --passphrase <S> -d file.gpg",
        "ipmitool -H <H> -U <U> -P <S> power status",
        'setx DB_PASSWORD "<S>"',
        'New-LocalUser -Name <U> -Password (ConvertTo-SecureString "<S>" -AsPlainText -Force)',
        "Command '['mysql', '-u', '<U>', '-p<S>']' returned non-zero exit status 1.",
        "Command '['app', '--password', '<S>', '--host', '<H>']' timed out after <N> seconds",
        "bash -c \"mysql -p<S> -e 'select 1'\"",
        "docker exec db mysqladmin -u<U> -p<S> status",
        "/usr/bin/mysql --password=<S> --host=<H>",
        "lftp -u <U>,<S> <H>",
        "ssh-keygen -t ed25519 -N '<S>' -f key",
        "twine upload -u <U> -p <S> dist/*",
        "snowsql -a acc -u <U> --password '<S>'",
        "xfreerdp /u:<U> /p:<S> /v:<H>",
    ],
    "argv": [
        ["--password", "<S>"],
        ["app", "--password", "<S>", "--host", "<H>"],
        ["mysql", "-u<U>", "-p<S>", "app"],
        ["docker", "login", "--username", "<U>", "--password", "<S>", "<H>"],
        ["sudo", "sshpass", "-p", "<S>", "ssh", "<H>"],
        ["curl", "-sS", "--user", "<U>:<S>", "https://<H>"],
        ["env", "PGPASSWORD=<S>", "psql"],
        ["bash", "-c", "mysql -u<U> -p<S>"],
        {"argv": ["redis-cli", "-a", "<S>", "info"]},
        {"cmd": ["mongodump", "-u", "<U>", "-p", "<S>"]},
        ["ldapsearch", "-D", "cn=x", "-w", "<S>"],
    ],
    "url": [
        "https://<U>:<S>@<H>/path",
        "postgres://<U>:<S>@<H>:5432/app?sslmode=require",
        "mongodb+srv://<U>:<S>@<H>/app",
        "redis://:<S>@<H>:6379",
        "error: could not open amqp://<U>:<S>@<H>:5672 (refused)",
        "BROKER=redis://<U>:<S>@<H>",
        {"url": "mysql+pymysql://<U>:<S>@<H>/db"},
        "ftp://<U>:<S>@<H>/pub",
        "git remote add o https://<U>:<S>@<H>/x.git",
        "<U>:<S>@<H>:8080",
        "jdbc:oracle:thin:<U>/<S>@<H>:1521:orcl",
        "sqlplus <U>/<S>@orcl",
    ],
    "connection string": [
        "Server=<H>;User Id=<U>;Password=<S>;",
        "Data Source=<H>;User ID=<U>;Pwd=<S>;Connect Timeout=30",
        "jdbc:sqlserver://<H>:1433;databaseName=x;user=<U>;password=<S>;",
        "jdbc:mysql://<H>:3306/x?user=<U>&password=<S>",
        "dbname=x user=<U> password=<S> host=<H>",
        "dbname=x user=<U> password='<S>' host=<H>",
    ],
    "file": [
        "DB_HOST=<H>\nDB_PASSWORD=<S>\nDEBUG=1",
        'DB_PASSWORD="<S>"\n',
        "password = <S>\n",
        "password=<S>\n",
        "password: <S>\n",
        "db:\n  host: <H>\n  pass: <S>\n",
        'db:\n  password: "<S>"\n',
        "<password><S></password>",
        '<connection user="<U>" password="<S>" host="<H>"/>',
        '<property name="password" value="<S>"/>',
        "machine <H>\n  login <U>\n  password <S>\n",
        "<H>:5432:*:<U>:<S>\n",
        "requirepass <S>\n",
        "'password' => '<S>',",
        'password => "<S>"',
        'password := "<S>"',
        "const dbPassword = '<S>';",
        'String password = "<S>";',
        '.withPassword("<S>")',
        "setenv('DB_PASSWORD', '<S>')",
        "os.environ['DB_PASSWORD'] = '<S>'",
        '- name: MYSQL_PASSWORD\n  value: "<S>"\n',
        "CREATE USER '<U>'@'<H>' IDENTIFIED BY '<S>'",
        "CREATE ROLE <U> LOGIN PASSWORD '<S>'",
        "username <U> password <S>",
        "passwd: <S>",
    ],
    "json": [
        {"password": "<S>"},
        {"user": {"credentials": {"password": "<S>", "name": "<U>"}}},
        {"adminPassword": "<S>", "host": "<H>"},
        {"db-passwd": "<S>"},
        {"DB_PASSWORD": "<S>"},
        {"env": {"MYSQL_PWD": "<S>", "PATH": "/usr/bin"}},
        {"parameters": [{"key": "password", "value": "<S>"}]},
        '{"password": "<S>", "user": "<U>"}',
        '{"password":"<S>","user":"<U>"}',
        '"{\\"password\\": \\"<S>\\", \\"host\\": \\"<H>\\"}"',
        "{'password': '<S>', 'user': '<U>'}",
        "Config(user='<U>', password='<S>', port=<N>)",
        '{"text": "password=<S>\\nuser=<U>"}',
        {"secrets": {"db": "<S>"}},
    ],
    "prose": [
        "password is <S>",
        "The password for <U> is <S>.",
        "pwd: <S>",
        "Password: <S>",
        "your new password is: <S>",
        "login with password <S> please",
        "user <U>, password <S>",
        "wrong password '<S>' for <U>",
        "creds: <U> / <S>",
        "password (<S>) was refused",
    ],
    "encoded": [
        "user=<U>&password=<S>&submit=1",
        "q=a%26password%3D<S>%26user%3D<U>",
        "password=&quot;<S>&quot;",
    ],
}
TOKEN_TEMPLATES = {
    "command line": [
        "curl -H 'Authorization: Bearer <S>' https://<H>",
        'curl -H "Authorization: Bearer <S>" https://<H>',
        "curl --header='X-Api-Key: <S>' https://<H>",
        "curl --header 'PRIVATE-TOKEN: <S>' https://<H>",
        "export X_TOKEN=<S>",
        "export X_TOKEN='<S>'; run",
        "X_TOKEN=<S> run --port <N>",
        "run --token <S>",
        "run --token=<S> --verbose",
        "run --api-key <S> --host <H>",
        "gcloud x --client-secret='<S>'",
        "kubectl config set-credentials <U> --token=<S>",
        "cargo login <S>",
        "docker build --build-arg NPM_TOKEN=<S> .",
        "az storage blob list --account-key <S> --account-name x",
        "['run', '--token', '<S>']",
    ],
    "argv": [
        ["--token", "<S>"],
        ["run", "--api-key", "<S>", "--dry"],
        ["curl", "--header", "Authorization: token <S>"],
        ["run", "--secret-key=<S>"],
        {"command": ["vault", "login", "<S>"]},
    ],
    "url": [
        "https://<H>/x?access_token=<S>",
        "https://<H>/x?a=1&key=<S>&b=2",
        "https://<H>/x?sig=<S>&se=2026",
        "https://<H>/x?X-Amz-Signature=<S>",
        "https://<H>/x?client_secret=<S>&grant_type=x",
        "wss://<H>/socket?token=<S>",
        {"url": "https://<H>/x?apikey=<S>"},
        "https://<S>@<H>/team/repo.git",
    ],
    "header": [
        "Authorization: Bearer <S>",
        "authorization: Token <S>",
        "Authorization: <S>",
        "X-API-Key: <S>",
        "x-auth-token:<S>",
        "Set-Cookie: sid=<S>; Path=/; Secure",
        "Cookie: session=<S>; lang=en",
        {"Authorization": "Bearer <S>"},
        {"authorization": "<S>"},
        {"Cookie": "sessionid=<S>; theme=dark"},
        {"X-Api-Key": "<S>"},
        {"headers": [["x-api-key", "<S>"]]},
        'headers={"Authorization": "Bearer <S>"}',
    ],
    "file": [
        "API_KEY=<S>\n",
        'api_key = "<S>"\n',
        "access_token: <S>\n",
        "client-secret: '<S>'\n",
        "SECRET_KEY_BASE=<S>",
        "aws_secret_access_key = <S>",
        "AccountName=x;AccountKey=<S>;EndpointSuffix=y",
        "<apiKey><S></apiKey>",
        "let apiToken = '<S>'",
        "_authToken=<S>",
        "signing_key: |\n  <S>\n",
        "PrivateKey = <S>",
        "encryptionKey=<S>",
        'webhook_secret="<S>"',
    ],
    "json": [
        {"token": "<S>"},
        {"access_token": "<S>", "expires_in": 3600},
        {"api_key": "<S>"},
        {"clientSecret": "<S>"},
        {"credentials": {"key": "<S>"}},
        {"tokens": {"access": "<S>"}},
        {"Name": "API_TOKEN", "Value": "<S>"},
        '{"token": "<S>"}',
        '{\\"token\\": \\"<S>\\"}',
        "Client(api_key='<S>', region='eu')",
        '{"body": "{\\"api_key\\":\\"<S>\\"}"}',
    ],
    "prose": [
        "token is <S>",
        "API key: <S>",
        "your access key is <S>",
        "invalid token <S>",
        "secret key = <S>",
    ],
    "encoded": [
        "url=https%3A%2F%2Fx%2F%3Ftoken%3D<S>%26a%3D1",
    ],
}
SHAPE_TEMPLATES = [
    "<S>",
    "remote: <S> was refused",
    "https://<H>/<S>/x",
    {"note": "see <S>"},
    ["echo", "<S>"],
    "x=<S>;y=1",
    '"<S>"',
    "line\\n<S>\\nline",
]
LOOKALIKES = [
    "token_count: 512",
    "max_tokens=4096",
    "tokens: 12",
    "token expired",
    "password is required",
    "the password is incorrect",
    "password has expired",
    "secretary",
    "--no-password",
    "password: null",
    "password: true",
    "password: <redacted>",
    "password=${PASSWORD}",
    "password: $TOKEN",
    "password: {{ secret }}",
    "password: ****",
    "password=changeme",
    "author: <U>",
    "authorization_endpoint: https://<H>/auth",
    "keyboard=us",
    "primary_key=id",
    "sort_key: created",
    "key: value",
    "cache_key=users-<N>",
    "passed: 12",
    "pass: true",
    "bypass=1",
    "compass: north",
    "test_password_reset PASSED",
    "tests/test_tokens.py::test_token_refresh[case-<N>] PASSED",
    "secrets.yaml",
    "token: expected '{'",
    "unexpected token '<U>' at line <N>",
    "Token: IDENTIFIER",
    "password: str = Field(...)",
    "password = self.password",
    "token = get_token()",
    "if token == expected_token:",
    "const token = await fetchToken(url);",
    "return password === confirmPassword",
    "password: string;",
    "token: Optional[str] = None",
    'api_key = os.environ["API_KEY"]',
    "api_key: process.env.API_KEY",
    "secret: arn:aws:secretsmanager:eu-west-1:1:secret:x",
    "password_file: /run/secrets/db",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8 <U>@<H>",
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n-----END CERTIFICATE-----",
    "the bearer of this letter",
    "Basic usage: run --help",
    "Bearer token required",
    "Authorization header is missing",
    "Authorization: required",
    "secret not found",
    "secrets: inherit",
    "token budget exceeded: used <N> of 4096",
    {"password": ""},
    {"token": None, "secret": False},
    {"password": "${DB_PASSWORD}"},
    {"password": "[redacted:password]"},
    {"key": "name", "keys": ["a", "b"]},
    {"tokens": 12, "total_tokens": 900, "tokenizer": "bpe"},
    {"auth": "none", "auth_type": "basic"},
    {"password": {"type": "string", "minLength": 8}},
    {"next_page_token": "CAUQAA"},
    {"public_key": "AAAAB3NzaC1yc2EAAAADAQABAAABgQC7"},
    {"errors": {"password": ["This field is required."]}},
    {"candidates": ["password", "token", "email"]},
    ["--no-password", "--host", "<H>"],
    ["--password-file", "/run/secrets/db"],
    ["run", "--password", "${PASSWORD}"],
    ["grep", "-p", "pattern"],
    ["mkdir", "-p", "/srv/app/<N>"],
    "mkdir -p /srv/app && cp -p a b",
    "docker run -p 8080:80 nginx",
    "ssh -p 2222 <U>@<H>",
    "nmap -p 1-1024 <H>",
    "curl -u <U> https://<H>",
    "http://<H>:8080/@scope/pkg",
    "https://<H>/x?page=2&sort=key&token_type=bearer",
    "npm install @scope/pkg@1.2.3",
    "git@github.com:org/repo.git",
    "user: <U>",
    "Enter password:",
    "Password:",
    "password for <U>:",
    "password: must be at least 8 characters",
    "warning: password authentication is disabled",
    'Password authentication failed for user "<U>"',
    "passphrase cannot be empty",
    "pin: 3 (gpio)",
    "PWD=/home/<U>",
    "OLDPWD=/srv",
    "SSH_AUTH_SOCK=/tmp/ssh-x/agent.1",
    "XAUTHORITY=/home/<U>/.Xauthority",
    "KEYMAP=de",
    "main.c:12:5: warning: unused variable 'token'",
    "src/auth.py:12:4: E501 line too long",
    "session: 12 requests",
    "signature: (x: int) -> str",
    "code: E0401",
    "exit code: 2",
    "key=<N>",
    "seed: 42",
    "dsn: not configured",
]
ID_TEMPLATES = [
    "<S>",
    "id=<S>",
    "sha: <S>",
    {"trace": "<S>"},
    ["run", "<S>"],
    "key: <S>.txt",
    "from <S> to <N>",
    "https://<H>/runs/<S>",
]


def development(seed: int = 7) -> Iterator[Case]:
    """Yield the development cases."""
    rng = random.Random(seed)
    for kind, templates in PASSWORD_TEMPLATES.items():
        makers = make.PASSWORDS if kind not in {"url", "encoded"} else (*make.PASSWORDS[:1], *make.PASSWORDS[3:])
        yield from cases(kind, templates, makers, rng)
    for kind, templates in TOKEN_TEMPLATES.items():
        makers = (
            make.TOKENS if kind not in {"url", "encoded"} else (make.hex_secret, make.url_token, make.machine_password)
        )
        yield from cases(kind, templates, makers, rng)
    yield from cases("uuid", ["HEROKU_API_KEY=<S>", {"api_key": "<S>"}, "--token <S>"], [make.uuid_secret], rng, 4)
    for kind, maker in make.PROVIDERS.items():
        yield from cases(f"form: {kind}", SHAPE_TEMPLATES, [maker], rng)
    yield from _keys(rng)
    yield from _encoded(rng)
    yield from lookalikes("look-alike", LOOKALIKES, rng)
    yield from lookalikes("look-alike: id", ID_TEMPLATES, rng, (*make.IDS, make.version, make.timestamp))
    yield from lookalikes("look-alike: image", ["data:image/png;base64,<S>", "icon: <S>"], rng, [make.image])


def _keys(rng: random.Random) -> Iterator[Case]:
    titles = ("PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "PGP PRIVATE KEY BLOCK",
              "ENCRYPTED PRIVATE KEY")  # fmt: skip
    for title in titles:
        text = make.pem(rng, title)
        escaped = text.replace("\n", "\\n")
        account = {"type": "service_account", "private_key_id": make.some(rng, make.HEX, 40), "private_key": text}
        for value in (text, escaped, {"note": text}, json.dumps(account), account, f"a\n{text}\nb", f'KEY="{escaped}"'):
            yield Case("private key", value, (make.pem_body(text),))
    for _ in range(6):
        secret = make.some(rng, make.ALNUM + "+/", 40)
        key_id = make.PROVIDERS["aws_key"](rng)  # type: ignore[operator]
        yield Case("aws pair", f"aws keys: {key_id} {secret}", (secret, key_id))


def _encoded(rng: random.Random) -> Iterator[Case]:
    for _ in range(20):
        password, user = make.strong_password(rng), make.word(rng)
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        yield Case("encoded", f"Authorization: Basic {basic}", (basic,))
        yield Case("encoded", {"Authorization": f"Basic {basic}"}, (basic,))
        odd = make.word(rng) + "@/#" + str(rng.randint(10, 99))
        yield Case("encoded", f"postgres://{user}:{quote(odd, safe='')}@db/x", (quote(odd, safe=""),))
        blob = base64.b64encode(f"password={password}".encode()).decode()
        yield Case("encoded", f"echo {blob} | base64 -d", (blob,))
