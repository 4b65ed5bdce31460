"""Forms of keys and tokens that can be told by themselves, as their issuers document them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Final

from provsdk.policy.detectors._forms import Form

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MIN_LENGTH", "NAMED", "TOKENS", "is_varied"]

MIN_LENGTH: Final = 16
"""No token of these forms has fewer characters without white space between them."""

MIN_DISTINCT: Final = 6
"""Characters of a token; `xxxxxxxx` and `00000000` fill a form in."""

_ALONE: Final = r"(?![A-Za-z0-9])"
_NOT_IN_WORD: Final = r"(?<![A-Za-z0-9])"


def is_varied(token: str) -> bool:
    """Whether it has more different characters than what somebody types to fill a form in.

    >>> is_varied("ghx_" + "x" * 36), is_varied("q8Zr1Lw0")
    (False, True)
    """
    return len(set(token[-32:])) >= MIN_DISTINCT


def _has_digit(token: str) -> bool:
    return is_varied(token) and any(letter.isdigit() for letter in token)


def _is_mixed(token: str) -> bool:
    """A hash has letters of one case only."""
    return is_varied(token) and token.lower() != token != token.upper()


def _decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _is_object(segment: str) -> bool:
    try:
        return isinstance(json.loads(_decoded(segment)), dict)
    except (ValueError, RecursionError):
        return False


def _is_jwt(token: str) -> bool:
    header, payload, _ = token.split(".")
    return _is_object(header) and _is_object(payload)


def _is_discord(token: str) -> bool:
    """Its first part is the decimal id of the bot."""
    try:
        return _decoded(token.partition(".")[0]).isdigit()
    except binascii.Error:
        return False


def _form(
    kind: str, needles: str, tail: str, before: str = _NOT_IN_WORD, accepts: Callable[[str], bool] = is_varied
) -> Form:
    """A form whose needles, parted by spaces, stand before the tail."""
    words = needles.split()
    pattern = re.compile(f"{before}(?:{'|'.join(map(re.escape, words))}){tail}", re.ASCII)
    return Form(kind, tuple(words), pattern, accepts=accepts)


_FORTY: Final = r"(?P<it>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"

TOKENS: Final[tuple[Form, ...]] = (
    _form("aws_access_key_id", "AKIA ASIA", rf"[A-Z0-9]{{16}}{_ALONE}"),
    _form("aws_secret_key", "AKIA ASIA", rf"[A-Z0-9]{{16}}\W{{1,10}}{_FORTY}", accepts=_is_mixed),
    _form("github_token", "ghp_ gho_ ghu_ ghs_ ghr_", rf"[A-Za-z0-9]{{36,255}}{_ALONE}"),
    _form("github_token", "github_pat_", r"[A-Za-z0-9_]{22,255}"),
    _form(
        "gitlab_token",
        "glpat- gldt- glrt- glptt- glcbt- glft- glsoat- glagent- gloas- glimt-",
        r"[\w-]{20,300}(?:\.[0-9a-z]{2}\.[0-9a-z]{7,9})?",
    ),
    _form("slack_token", "xoxb xoxp xoxa xoxr xoxs xoxo xoxe", r"(?:\.xox[a-z])?-[0-9][A-Za-z0-9-]{9,250}"),
    _form("slack_token", "xapp-", r"[0-9]-[A-Za-z0-9]{6,32}-[0-9]{6,32}-[A-Za-z0-9]{32,128}"),
    _form(
        "slack_webhook",
        "https://hooks.slack.com/",
        r"(?:services|workflows|triggers)/[A-Za-z0-9]{6,32}/[A-Za-z0-9]{6,32}/[A-Za-z0-9]{16,64}(?:/[A-Za-z0-9]{16,64})?",
    ),
    _form("google_api_key", "AIza", r"[\w-]{35}(?![\w-])"),
    _form("google_oauth_secret", "GOCSPX-", r"[\w-]{28}(?![\w-])"),
    _form("google_access_token", "ya29.", r"[\w-]{30,1000}"),
    _form("stripe_key", "sk_live_ rk_live_ sk_test_ rk_test_", rf"[A-Za-z0-9]{{16,247}}{_ALONE}"),
    _form("stripe_webhook_secret", "whsec_", r"[A-Za-z0-9+/]{32,64}={0,2}"),
    _form("anthropic_key", "sk-ant-", r"[\w-]{20,200}", r"(?<![\w-])"),
    _form("openai_key", "sk-proj- sk-svcacct- sk-admin-", r"[\w-]{20,200}", r"(?<![\w-])"),
    _form("openai_key", "sk-", r"[A-Za-z0-9]{32,64}(?![\w-])", r"(?<![\w-])", _has_digit),
    _form("huggingface_token", "hf_", rf"[A-Za-z0-9]{{30,40}}{_ALONE}", r"(?<!\w)"),
    _form("npm_token", "npm_", rf"[A-Za-z0-9]{{36}}{_ALONE}", r"(?<!\w)"),
    _form("pypi_token", "pypi-", r"[\w-]{50,1000}"),
    _form("sendgrid_key", "SG.", r"[\w-]{22}\.[\w-]{43}(?![\w-])"),
    _form("twilio_key", "SK", rf"[0-9a-f]{{32}}{_ALONE}"),
    _form("azure_storage_key", "AccountKey", r"\W{1,6}(?P<it>[A-Za-z0-9+/]{86}==)", ""),
    _form("azure_access_key", "SharedAccessKey", r"\W{1,6}(?P<it>[A-Za-z0-9+/]{43}=)", ""),
    _form("digitalocean_token", "dop_v1_ doo_v1_ dor_v1_", rf"[0-9a-f]{{64}}{_ALONE}"),
    Form(
        "telegram_bot_token",
        (":AA",),
        re.compile(r"[0-9](?<![A-Za-z0-9].)[0-9]{7,9}:AA[\w-]{33}(?![\w-])", re.ASCII),
        is_anchored=False,
        accepts=is_varied,
    ),
    _form(
        "discord_webhook",
        "https://discord.com/ https://discordapp.com/ https://ptb.discord.com/ https://canary.discord.com/",
        r"api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{17,20}/[\w-]{60,80}",
    ),
    Form(
        "discord_bot_token",
        (".",),
        re.compile(r"[MNO](?<![\w.-].)[\w-]{23,27}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])", re.ASCII),
        is_anchored=False,
        accepts=_is_discord,
    ),
    Form(
        "jwt",
        ("eyJ", "ewo"),
        re.compile(r"(?<![\w-])[\w-]+\.[\w-]{2,}\.[\w-]*", re.ASCII),
        accepts=_is_jwt,
    ),
)

NAMED: Final[tuple[Form, ...]] = (
    Form(
        "aws_secret_key",
        ("ecret", "ECRET"),
        re.compile(rf"(?i:ecret[ _-]?(?:access)?[ _-]?key)\W{{1,8}}(?:(?:is|as|to)\W{{1,4}})?{_FORTY}", re.ASCII),
        accepts=_is_mixed,
    ),
    Form(
        "twilio_token",
        ("wilio", "WILIO"),
        re.compile(rf"(?i:wilio[\w. -]{{0,20}}(?:token|secret))\W{{1,8}}(?P<it>[0-9a-f]{{32}}){_ALONE}", re.ASCII),
        accepts=is_varied,
    ),
)
"""Those that nothing but their name tells from a hash."""
