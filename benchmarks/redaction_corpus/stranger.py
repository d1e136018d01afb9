"""A third set, written last and as if by somebody else: what the other two had not thought of.

Its first figures, before any rule was changed for it, are in docs/redaction.md.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from urllib.parse import quote

from redaction_corpus import secrets as make
from redaction_corpus.case import Case, cases, lookalikes

PASSWORDS = {
    "log line": [
        "2026-05-01 12:00:01 INFO login user=<U> pass=<S> ip=10.0.0.1",
        'level=debug msg="dial" dsn="user=<U> password=<S> host=<H>"',
        "[client] sending AUTH <U> with password '<S>' to <H>",
        "WARN HikariPool - jdbcUrl=jdbc:mariadb://<H>/x, username=<U>, password=<S>",
        "> PASS <S>",
        "\x1b[33mpassword\x1b[0m=\x1b[32m<S>\x1b[0m",
        "ERROR 1045 using password=<S>; retrying",
        "+ export REDIS_PASSWORD=<S>",
        "+ mysql -h <H> -u <U> '-p<S>'",
        "Running: ['pg_dump', '--dbname=postgresql://<U>:<S>@<H>/x']",
        "subprocess.CalledProcessError: Command 'mysql -u<U> -p<S> x' returned non-zero exit status 1.",
    ],
    "code": [
        "client = Client('<H>', user='<U>', password='<S>')",
        'conn = psycopg2.connect("dbname=x user=<U> password=<S>")',
        'private static final String PASSWORD = "<S>";',
        "var password = `<S>`",
        '$password = "<S>";',
        'password: "<S>",',
        ":password => '<S>'",
        "DB_PASSWORD ?= <S>",
        "ENV ADMIN_PASSWORD <S>",
        "ENV ADMIN_PASSWORD=<S>",
        "ARG DB_PASSWORD=<S>",
        "set -x ROOT_PASSWORD '<S>'",
        'conn.login("<U>", password="<S>")',
        "SET PASSWORD FOR '<U>' = PASSWORD('<S>');",
        'new NetworkCredential("<U>", "<S>")',
    ],
    "settings": [
        "[mail]\nsmtp_pass = <S>\n",
        '<setting name="DbPassword"><value><S></value></setting>',
        "<Password>\n  <S>\n</Password>",
        "password     <S>\nuser  <U>\n",
        "bind_password: <S>",
        "wpa_passphrase=<S>",
        '    psk="<S>"',
        'variable "db_password" {\n  default = "<S>"\n}',
        "rabbitmq:\n  auth:\n    password: <S> # change\n",
        "ansible_ssh_pass=<S> ansible_user=<U>",
        '{\n  "host": "<H>",\n  "password":\n    "<S>"\n}',
        "kind: Secret\nstringData:\n  password: <S>\n",
        "sftp://<U>:<S>@<H>:22/in",
        "ldap.bind.credentials=<S>",
        "http_proxy=http://<U>:<S>@<H>:3128/",
    ],
    "shell": [
        "mysql --user=<U> --password='<S>' -e 'show tables'",
        "PGPASSWORD=<S> psql",
        "export MYSQL_PWD='<S>'; mysql",
        'sudo -u app DB_PASS="<S>" ./go',
        "curl -X POST -d 'username=<U>&password=<S>' https://<H>/login",
        'curl --data \'{"password":"<S>"}\' https://<H>',
        "curl -F password=<S> https://<H>",
        "curl -x http://<U>:<S>@<H>:8080 https://example.com",
        "http -a <U>:<S> GET https://<H>",
        "rsync rsync://<U>:<S>@<H>/mod .",
        "cmd.exe /c net user <U> /add /password:<S>",
        "Connect-Thing -Password '<S>' -Server <H>",
        'echo "<U>:<S>" | sudo chpasswd',
        "printf '%s' '<S>' | docker login --password-stdin -u <U> <H>",
        "docker-compose run -e PASSWORD=<S> web",
        'ssh <U>@<H> "mysql -p<S>"',
        "nohup java -Dspring.datasource.password=<S> -jar a.jar &",
        "createuser --pwprompt; psql -c \"ALTER USER <U> WITH PASSWORD '<S>'\"",
        "mosquitto_pub -h <H> -u <U> -P <S> -t x -m y",
        "svn co --username <U> --password <S> https://<H>/svn",
        "kinit --password=<S> <U>",
    ],
    "argv": [
        ["mysql", "-h", "<H>", "-u", "<U>", "--password=<S>"],
        ["sh", "-c", "PGPASSWORD=<S> psql -h <H>"],
        ["docker", "run", "-e", "MYSQL_ROOT_PASSWORD=<S>", "mysql"],
        ["ansible-playbook", "--extra-vars", "db_password=<S>"],
        ["wget", "--user", "<U>", "--password", "<S>", "https://<H>"],
        {"args": ["login", "--username=<U>", "--pass", "<S>"]},
        {"cmdline": ["7z", "x", "-p<S>", "a.7z"]},
    ],
    "structure": [
        {"login": {"user": "<U>", "pass": "<S>"}},
        {"smtp": {"auth": {"user": "<U>", "pass": "<S>"}}},
        {"userPassword": "<S>"},
        {"PASSWORD": "<S>"},
        {"x": [{"Key": "db_password", "Value": "<S>"}]},
        {"body": "user=<U>&password=<S>"},
        {"error": "auth failed for postgres://<U>:<S>@<H>/x"},
        [["password", "<S>"], ["user", "<U>"]],
        {"passphrase": "<S>"},
        {"ssh_key_passphrase": "<S>", "ssh_key_path": "/home/x"},
        {"env": ["DB_PASSWORD=<S>", "PATH=/bin"]},
        {"message": json.dumps({"db": {"password": "<S>"}})},
        {"message": json.dumps(json.dumps({"db": {"password": "<S>"}}))},
    ],
    "message": [
        "Your temporary password is <S> and expires tomorrow",
        "Temporary password: <S>",
        "use password <S> to log in",
        "the admin password was set to <S>",
        "hi, pw: <S>",
        "Login: <U> Password: <S>",
        "user/pass: <U>/<S>",
        '<U>\'s password is "<S>"',
        "root password => <S>",
    ],
}
TOKENS = {
    "log line": [
        "DEBUG request headers: {'Authorization': 'Bearer <S>', 'Accept': '*/*'}",
        "DEBUG > authorization: bearer <S>",
        "< set-cookie: SESSION=<S>; Path=/; Secure; HttpOnly; SameSite=Lax",
        "refreshing access token: <S>",
        "token=<S> ttl=3600 user=<U>",
        "GET /cb?code=abc&access_token=<S> HTTP/1.1",
        "Location: https://<H>/#access_token=<S>&token_type=bearer",
        "http://<H>/hook?secret=<S>",
        "X-Vault-Token: <S>",
        "x-goog-api-key: <S>",
        "Ocp-Apim-Subscription-Key: <S>",
        "X-Amz-Security-Token: <S>",
    ],
    "code": [
        'api = Api(token="<S>")',
        "const API_KEY = '<S>';",
        "headers['X-Auth-Token'] = '<S>'",
        'req.Header.Set("Authorization", "Bearer <S>")',
        "axios.defaults.headers.common['Authorization'] = 'Bearer <S>';",
        'openai.api_key = "<S>"',
        "--set-env-vars=API_TOKEN=<S>",
        'let secret: String = "<S>".into();',
        "app.secret_key = b'<S>'",
    ],
    "settings": [
        "apiVersion: v1\ndata:\n  token: <S>\n",
        'jwt:\n  secret: "<S>"\n',
        "[profile x]\naws_secret_access_key=<S>\naws_session_token = <S>\n",
        "consumer_secret = <S>",
        "azure.storage.account-key=<S>",
        "BlobEndpoint=https://x/;SharedAccessSignature=sv=2020&sig=<S>",
        "hmac_secret: <S>",
        "oauth_token: <S>",
        'registry_token="<S>"',
        "<token><S></token>",
        '<entry key="apiToken"><S></entry>',
    ],
    "structure": [
        {"githubToken": "<S>"},
        {"request": {"headers": {"authorization": "token <S>"}}},
        {"secret": "<S>"},
        {"jwt": "<S>"},
        {"privateKey": "<S>"},
        {"oauth": {"refreshToken": "<S>"}},
        {"query": {"api_key": ["<S>"]}},
        {"access-token": "<S>"},
        {"AWS_SESSION_TOKEN": "<S>"},
        {"cookies": {"sessionid": "<S>"}},
    ],
    "argv": [
        ["gh", "auth", "login", "--token", "<S>"],
        ["curl", "-H", "X-Api-Key: <S>"],
        ["app", "-token", "<S>"],
        ["flyctl", "deploy", "--access-token", "<S>"],
        ["kubectl", "--token=<S>", "get", "pods"],
        ["git", "-c", "http.extraHeader=Authorization: Bearer <S>", "fetch"],
        ["terraform", "apply", "-var", "token=<S>"],
    ],
}
LOOKALIKES = [
    "password policy: min 12 characters, max age 90 days",
    "Invalid username or password",
    "Permission denied (publickey,password).",
    "<U>@<H>'s password:",
    "sudo: a password is required",
    "ERROR 1045 (28000): Access denied for user '<U>'@'<H>' (using password: YES)",
    'FATAL: password authentication failed for user "<U>"',
    "passwords do not match",
    "1 passed, 2 failed, 3 skipped in <N>.2s",
    "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
    "SyntaxError: Unexpected token < in JSON at position <N>",
    "error: expected one of `)`, `,`, found token `;`",
    "tokenizer: bpe, vocab: <N>",
    "usage: {'prompt_tokens': 12, 'completion_tokens': 90}",
    "Author: <U> <<U>@example.com>",
    "Signed-off-by: <U> <<U>@example.com>",
    "public key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPq8 <U>",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "--hash=sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "integrity sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
    "go.mod: golang.org/x/crypto v0.17.0 h1:r8bRNjWL3GshPW3gkd+RpvzWrZAwPS49OmTGZ/uhM4k=",
    "def reset_password(token: str, password: str) -> None:",
    "self.assertEqual(token, 'abc')",
    "if (password !== confirm) return false;",
    "password_hash = hash_password(password)",
    "token, err := jwt.Parse(raw)",
    'String token = request.getHeader("X-Token");',
    "secret: ${{ secrets.DEPLOY_KEY }}",
    "password: ${env:DB_PASSWORD}",
    "password: !vault |",
    "api_key = var.api_key",
    'api_key = data.vault_generic_secret.x.data["key"]',
    "password = (sensitive value)",
    "+ password = (known after apply)",
    "secretKeyRef:\n  name: db\n  key: password\n",
    "valueFrom: {secretKeyRef: {name: api-secret, key: token}}",
    "imagePullSecrets:\n  - name: regcred\n",
    "secretName: tls-cert",
    "Mounting /var/run/secrets/kubernetes.io/serviceaccount/token",
    "token-authentication: enabled",
    "keyboard-interactive authentication",
    "auth: login succeeded for <U>",
    "Authentication: OAuth2",
    "auth=none tls=on",
    "key not found: <U>",
    "KeyError: 'password'",
    "Missing required parameter: api_key",
    "argument --token: expected one argument",
    "  --password TEXT  Password for the database.",
    "  -p, --password <password>  the password",
    "  --api-key KEY    API key to use",
    "cookie: none",
    "We use cookies; session cookies expire",
    "test_login[password-wrong] FAILED",
    "class PasswordResetView(View):",
    "from app.tokens import TokenStore, SecretBox",
    "import secrets",
    "GET /api/tokens/<N> 200",
    "GET /password/reset?step=2 200",
    "POST /oauth/token HTTP/1.1",
    "https://<H>/login?next=/account&lang=en",
    "https://<H>/docs#authentication",
    "https://<H>/?utm_source=a&key=value",
    "s3://bucket/key/with/parts.parquet",
    "primary key (id), foreign key (user_id)",
    "ALTER TABLE users ADD COLUMN password VARCHAR(255) NOT NULL;",
    "SELECT password FROM users WHERE id = <N>;",
    "INSERT INTO tokens (token, user_id) VALUES (?, ?)",
    "git checkout -b feature/token-refresh",
    "branch: fix/password-policy",
    "mkdir -p secrets && chmod 700 secrets",
    "tar -czf secrets.tar.gz secrets/",
    "ps -p 1234 -o pid",
    "docker run --rm -p 3000:3000 -u 1000:1000 web",
    "rsync -avz -u src/ <H>:/dst",
    "java -jar app.jar -u http://<H>",
    "sort -k 2 -u file",
    "curl -A 'Mozilla/5.0' -o out https://<H>",
    "zip -r out.zip dir -x '*.pyc'",
    "PASS: test_a (0.<N>s)",
    "PASS  src/auth/password.test.ts",
    "--- PASS: TestToken (0.00s)",
    "pwd: /home/<U>/src",
    "pwd\n/home/<U>",
    "pin the version: 1.2.3",
    "license: MIT",
    "license_key: not set",
    "seed=1234567890",
    "signature mismatch for package <U>",
    "cert: CN=<H>, O=Example",
    "access: denied",
    "session_id=none",
    "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
    {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "key": "user:<N>"},
    {"pagination": {"nextToken": "eyXz", "limit": 10}},
    {"fields": ["username", "password", "email"]},
    {"required": ["token"], "properties": {"token": {"type": "string", "description": "API token"}}},
    {"password": "********", "token": "REDACTED"},
    {"secretName": "db-creds", "secretKey": "password"},
    {"tokenType": "Bearer", "expiresIn": 3600},
    {"keys": {"public": "AAAAB3NzaC1yc2EAAAADAQABAAABgQC7"}},
    {"public_key_fingerprint": "SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDHwHbQ0zKb8c4kJZ0"},
    {"password_min_length": 12, "password_expires": True},
    {"author_email": "<U>@example.com", "authors": ["<U>"]},
    {"s3_key": "uploads/2026/05/<U>.png"},
    {"idempotency_key": "order-<N>"},
    {"message": "Password changed for <U>"},
    {"labels": {"password": "Password", "token": "API token"}},
    ["pytest", "-k", "password and token", "-p", "no:cacheprovider"],
    ["git", "commit", "-m", "Fix password reset token"],
    ["ls", "-la", "secrets"],
    ["python", "-m", "app.tokens", "--max-tokens", "4096"],
    ["docker", "run", "-p", "8080:80", "-u", "1000:1000", "nginx"],
    ["cp", "-p", "a", "b"],
    ["tool", "--key", "name", "--token-file", "/run/t"],
]
IDS = [
    "Digest: sha256:<S>",
    "container <S> exited",
    {"artifact": {"sha": "<S>", "path": "/builds/<S>.tgz"}},
    "key=<S>",
    "cache key: <S>",
    "cache_key=<S>",
    "state: <S>",
    "pass <S> of 3",
    "auth request <S> done",
    "session <S> closed",
    {"correlationId": "<S>", "version": "<S>"},
    ["deploy", "--revision", "<S>"],
]


def stranger(seed: int = 99) -> Iterator[Case]:
    """Yield the cases."""
    rng = random.Random(seed)
    for kind, templates in PASSWORDS.items():
        yield from cases(kind, templates, (make.simple_password, make.capital_password, make.machine_password), rng)
    for kind, templates in TOKENS.items():
        yield from cases(kind, templates, (make.hex_secret, make.url_token), rng)
    for _ in range(8):
        user, password = make.word(rng), make.strong_password(rng)
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        yield Case("odd", f'"auth": "{basic}"', (basic,))
        yield Case("odd", f"Proxy-Authorization: Basic {basic}", (basic,))
        yield Case("odd", f"//registry.example.org/:_auth={basic}", (basic,))
        text = quote(json.dumps({"password": password, "user": user}))
        yield Case("odd", f"payload={text}", (quote(password),))
        phrase = " ".join(make.word(rng) for _ in range(4))
        yield Case("odd", f'passphrase="{phrase}"', (phrase,))
        yield Case("odd", {"passphrase": phrase}, (phrase,))
        yield Case("odd", f"passphrase: {phrase}\n", (phrase,))
        webhook = f"T{make.some(rng, make.UPPER, 8)}/B{make.some(rng, make.UPPER, 8)}/{make.some(rng, make.ALNUM, 24)}"
        yield Case("odd", f"curl https://hooks.slack.com/services/{webhook}", (webhook,))
        hook = make.some(rng, make.ALNUM + "-_", 68)
        yield Case("odd", f"https://discord.com/api/webhooks/{rng.randint(10**17, 10**18)}/{hook}", (hook,))
        uuid = make.uuid_secret(rng)
        yield Case("odd", f"HEROKU_API_KEY={uuid}", (uuid,))
        pem = make.pem(rng, "EC PRIVATE KEY", 3)
        yield Case(
            "odd", f"      key: |\n        {pem.replace(chr(10), chr(10) + '        ')}\n", (make.pem_body(pem),)
        )
        yield Case("odd", {"lines": pem.split("\n")}, tuple(pem.split("\n")))
        yield Case("odd", f"TLS_KEY='{pem}'", (make.pem_body(pem),))
        pin = str(rng.randint(1000, 9999))
        yield Case("odd", {"pin": pin}, (pin,))
        yield Case("odd", {"password": int(pin) * 1000}, (pin + "000",))
    yield from lookalikes("look-alike", LOOKALIKES, rng)
    yield from lookalikes("look-alike: id", IDS, rng, (*make.IDS, make.version, make.timestamp))
