"""Secrets are found where they stand, to the character; what only looks like one is left."""

import base64
import json
import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provsdk.policy.detectors.secrets import KINDS, find

LETTERS = string.ascii_letters + string.digits
WEB = LETTERS + "-_"
UPPER = string.ascii_uppercase + "234567"
HEX = "0123456789abcdef"


def drawn(alphabet, length, seed=7):
    """Letters by chance, the same ones every time; with a digit and both cases where the alphabet has them."""
    chance = random.Random(seed + length)
    must = [one for one in ("7", "b", "Q") if one in alphabet]
    letters = must + [chance.choice(alphabet) for _ in range(length - len(must))]
    chance.shuffle(letters)
    letters[0] = letters[-1] = "b" if "b" in alphabet else "Q"
    return "".join(letters)


def web64(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def pem(label, joint="\n"):
    lines = [drawn(LETTERS, 64, seed) for seed in range(4)]
    return joint.join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])


JWT = ".".join([web64({"alg": "HS256", "typ": "JWT"}), web64({"sub": "42"}), drawn(WEB, 43)])
DISCORD = base64.b64encode(b"123456789012345678").decode().rstrip("=")

# Put together from pieces, so that no scanner takes them for real ones.
TOKENS = [
    ("aws_access_key_id", "AK" + "IA" + drawn(UPPER, 16)),
    ("aws_access_key_id", "AS" + "IA" + drawn(UPPER, 16)),
    ("aws_access_key_id", "AK" + "IAIOSFODNN7EXAMPLE"),
    *(("github_token", f"gh{letter}" + "_" + drawn(LETTERS, 36)) for letter in "pousr"),
    ("github_token", "github" + "_pat_" + drawn(LETTERS, 22) + "_" + drawn(LETTERS, 59)),
    ("gitlab_token", "glp" + "at-" + drawn(WEB, 20)),
    ("slack_token", "xo" + "xb-" + "123456789012-" + drawn(LETTERS, 24)),
    ("slack_token", "xa" + "pp-1-" + drawn(UPPER, 11) + "-1234567890123-" + drawn(HEX, 64)),
    (
        "slack_webhook",
        "https://hooks.sl" + "ack.com/services/T" + drawn(UPPER, 8) + "/B" + drawn(UPPER, 8) + "/" + drawn(LETTERS, 24),
    ),
    ("google_api_key", "AI" + "za" + drawn(WEB, 35)),
    ("google_oauth_secret", "GOC" + "SPX-" + drawn(WEB, 28)),
    ("stripe_key", "sk" + "_live_" + drawn(LETTERS, 24)),
    ("stripe_key", "rk" + "_live_" + drawn(LETTERS, 24)),
    ("stripe_webhook_secret", "wh" + "sec_" + drawn(LETTERS, 32)),
    ("openai_key", "s" + "k-" + drawn(LETTERS, 48)),
    ("openai_key", "s" + "k-proj-" + drawn(WEB, 74)),
    ("anthropic_key", "s" + "k-ant-api03-" + drawn(WEB, 95)),
    ("huggingface_token", "h" + "f_" + drawn(LETTERS, 34)),
    ("npm_token", "np" + "m_" + drawn(LETTERS, 36)),
    ("pypi_token", "py" + "pi-AgEIcHlwaS5vcmc" + drawn(WEB, 150)),
    ("sendgrid_key", "S" + "G." + drawn(WEB, 22) + "." + drawn(WEB, 43)),
    ("twilio_key", "S" + "K" + drawn(HEX, 32)),
    ("digitalocean_token", "do" + "p_v1_" + drawn(HEX, 64)),
    ("telegram_bot_token", "1234567890" + ":AA" + drawn(WEB, 33)),
    ("discord_bot_token", DISCORD + "." + drawn(WEB, 6) + "." + drawn(WEB, 38)),
    ("discord_webhook", "https://dis" + "cord.com/api/webhooks/123456789012345678/" + drawn(WEB, 68)),
    ("jwt", JWT),
    ("private_key", pem("PRIVATE " + "KEY")),
    ("private_key", pem("RSA PRIVATE " + "KEY")),
    ("private_key", pem("OPENSSH PRIVATE " + "KEY", "\\n")),
    ("private_key", pem("PGP PRIVATE " + "KEY BLOCK", "\r\n")),
]

FORTY = drawn(LETTERS + "/+", 40)
NAMED = [
    ("aws_secret_key", "aws_secret_access_key = ", FORTY, ""),
    ("aws_secret_key", '"SecretAccessKey": "', FORTY, '"'),
    ("aws_secret_key", "the AWS secret key is ", FORTY, "."),
    ("azure_storage_key", "AccountName=x;AccountKey=", drawn(LETTERS, 86) + "==", ";EndpointSuffix=core"),
    ("twilio_token", "TWILIO_AUTH_TOKEN=", drawn(HEX, 32), ""),
    ("gcp_private_key", '{"type": "service_account", "private_key": "', pem("PRIVATE " + "KEY", "\\n"), '\\n"}'),
    ("bearer_token", "Authorization: Bearer ", drawn(WEB, 30), "\r\n"),
    ("bearer_token", "curl -H 'authorization: bearer ", drawn(WEB, 30), "'"),
    ("bearer_token", '{"Authorization": "Bearer ', drawn(WEB, 30), '"}'),
    ("basic_auth", "Authorization: Basic ", base64.b64encode(b"ana:geheim").decode(), ""),
    ("url_password", "postgresql+psycopg://app:", "hunter2", "@db:5432/x"),
    ("url_password", "redis://:", "p%40ss/w@rd", "@[::1]:6379"),
    ("url_password", "see https://ana:", "p4ss", "@h.example/."),
    ("password", 'password = "', "hunter2!", '"'),
    ("password", "password='", "correct7horse", "'"),
    ("password", "DB_PASSWORD=", "S3cr3t!pass", "\n"),
    ("password", 'self.passwd: str = "', "Tr0ub4dor&3", '"'),
    ("password", "<password>", "Abc12345x", "</password>"),
    ("password", "İ password: ", "Winter2024x", ""),
    ("password", '{\\"password\\": \\"', "Abc12345x", '\\"}'),
    ("secret", "api_key: ", "q8Zr1Lw0Pk5t", ""),
    ("secret", '"client_secret": "', "q8Zr1Lw0~Pk5t", '",'),
    ("secret", "X-Api-Key: ", drawn(LETTERS, 600), ""),
    ("secret", "AUTH_TOKEN=", drawn(LETTERS, 24), ""),
    ("secret", 'os.environ["SECRET_KEY"] = "', "q8Zr1Lw0Pk5t!", '"'),
]


@pytest.mark.parametrize(("kind", "token"), TOKENS)
@pytest.mark.parametrize(
    ("before", "behind"), [("", ""), ("the token ", ", see"), ("(«", "»)"), ("x=", "\n"), ('["', '"]')]
)
def test_a_token_is_found_from_its_first_character_to_its_last(kind, token, before, behind):
    text = before + token + behind

    assert [(one.kind, text[one.start : one.end]) for one in find(text)] == [(kind, token)]


@pytest.mark.parametrize(("kind", "before", "secret", "behind"), NAMED)
def test_what_a_name_tells_is_found_without_the_name(kind, before, secret, behind):
    text = before + secret + behind

    assert [(one.kind, text[one.start : one.end]) for one in find(text)] == [(kind, secret)]


@pytest.mark.parametrize(
    "name", ["password", "api_key", "SECRET_KEY", "client_secret", "token", "Authorization: Bearer"]
)
@pytest.mark.parametrize(
    "value",
    [
        *(
            "changeme",
            "change-me-123",
            "<your-key>",
            "your_api_key_1",
            "xxxxxxxxxxxx1",
            "example123!",
            "${VAR}",
            "$PASSWORD1",
        ),
        *(
            "****************",
            "os.environ['X1']",
            "os.environ['PASSWORD_1']",
            "{{ vault.db_1 }}",
            "%(password1)s",
            "null",
        ),
        *(
            "undefined",
            "REPLACE_WITH_KEY_1",
            "11111111",
            "process.env.KEY_1",
            "settings.DB_PASSWORD_1",
            "get_secret2('x')",
        ),
    ],
)
@pytest.mark.parametrize("form", ["{} = {}", '{}: "{}"', "{}={}", "{} {}"])
def test_a_placeholder_is_not_found(name, value, form):
    assert find(form.format(name, value)) == []


@pytest.mark.parametrize(
    "text",
    [
        "commit 35d975c0b4bdc2819b6457be47bc8d669fd39076",
        "id: 123e4567-e89b-12d3-a456-426614174000",
        "token: 123e4567-e89b-12d3-a456-426614174000",
        "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 8).decode(),
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "integrity sha512-" + base64.b64encode(bytes(range(64))).decode(),
        'password: "$2b$12$abcdefghijklmnopqrstuv12345"',
        "!function(e,t){var n=e.token,r=t.password;n.secret=r2d2(e);key:t.x1}(a,b)",
        "const{token:e1,password:t1,secret:n1}=this.props",
        "Your password must be at least 8 characters; the password: must hold a digit.",
        "Password: required. Passwords expire after 90days.",
        "The key: 4 of 5 teams agree. Public key: 0x12345678abc",
        "from auth import password_validators_v2, token_2 as secret_3",
        "import { apiKey as key1 } from './secrets2'",
        "max_tokens = 4096, tokens: 128000, token_count: 12345678",
        "def login(user: str, password: str, token: Token2) -> None:",
        '<input type="password" name="password" id="password1">',
        '{"password": "Passwort", "token": "string", "secret": "Geheimnis"}',
        "http://localhost:8080/@ana, ssh://git@h.example:22/x, https://h.example:443,b@c.example",
        "https://user:password@h.example, https://u:${PASS}@h, https://u:xxxx@h, https://<user>:<password>@h",
        "Authorization: Basic realm, Authorization: Bearer token-based",
        "task-" + drawn(LETTERS, 48),
        "sk-circle-fade-dot-animation-delay-2",
        "s" + "k-" + "x" * 48,
        "eyJhbGciOiJub25l.eyJub3RqNvbg.x",
        "a.b.c eyJ.eyJ.eyJ",
        "-----BEGIN PUBLIC KEY-----\n" + drawn(LETTERS, 64) + "\n-----END PUBLIC KEY-----",
        "-----BEGIN PRIVATE " + "KEY----- is how one begins, -----END PRIVATE " + "KEY----- how it ends",
        "-----BEGIN CERTIFICATE-----\n" + drawn(LETTERS, 64) + "\n-----END CERTIFICATE-----",
        "AKIA is the prefix; AK" + "IA" + drawn(UPPER, 30) + " is too long",
    ],
)
def test_what_is_no_secret_is_not_found(text):
    assert find(text) == []


def test_a_key_without_its_end_is_found_to_where_it_is_cut_off():
    key = pem("PRIVATE " + "KEY").partition("-----END")[0].rstrip()
    text = f"log: {key}\n[cut off here]"

    assert [text[one.start : one.end] for one in find(text)] == [key]


def test_only_kinds_that_are_asked_for_are_found():
    text = "redis://:p4ss" + "@h and password = 'hunter2!'"

    assert [one.kind for one in find(text, {"password"})] == ["password"]


def test_a_token_with_a_name_has_the_kind_of_its_issuer():
    token = "gh" + "p_" + drawn(LETTERS, 36)
    text = f'api_key = "{token}"'

    assert [(one.kind, text[one.start : one.end]) for one in find(text)] == [("github_token", token)]


def test_every_kind_that_is_found_is_among_the_kinds():
    assert {kind for kind, *_ in TOKENS} | {kind for kind, *_ in NAMED} <= KINDS


WORDS = st.text(st.characters(exclude_characters=LETTERS + "-_+/=.:@\"'`\\", exclude_categories=["Cs"]), max_size=40)


@given(WORDS, st.sampled_from(TOKENS), WORDS)
@settings(max_examples=60, deadline=None)
def test_a_token_is_found_in_any_text(before, token, behind):
    text = f"{before} {token[1]} {behind}"
    start = len(before) + 1

    assert (token[0], start, start + len(token[1])) in [(one.kind, one.start, one.end) for one in find(text)]


PIECES = st.sampled_from(
    [*(token for _, token in TOKENS), "password=", "://", "@", ":", "Authorization: Bearer ", "key: '"]
)


@given(st.lists(PIECES | st.text(max_size=12), max_size=6).map("".join))
@settings(max_examples=80, deadline=None)
def test_findings_are_in_the_text_in_order_and_apart(text):
    ends = [0]
    for one in find(text):
        assert ends[-1] <= one.start < one.end <= len(text)
        ends.append(one.end)
