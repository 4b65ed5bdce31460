"""Signed notes: the published vector, one of ours, and what is no note."""

import base64

import pytest

from provsdk.errors import FormatError, UsageError
from provsdk.ledger.note import Ed25519Signer, VerifierKey, is_key_name, open_note, sign_note

PUBLISHED_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
PUBLISHED_SIGNATURE = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
PUBLISHED = f"This is an example message.\n\n— example.com/foo {PUBLISHED_SIGNATURE}\n"

OUR_KEY = "log.example/provsdk-test+0855c289+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
OUR_SIGNATURE = "CFXCiawbIjCXJmM6WfaOzN30iXKuNQs8yOGBH7xOi2y+lfqSK+wRPy8eJxfUuWg8FVvWsWQcgYGkdBRXRO7/AB+49gI="
OUR_TEXT = "log.example/provsdk-test\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"

PUBLISHED_VERIFIER = VerifierKey.parse(PUBLISHED_KEY)
SIGNER = Ed25519Signer("log.example/provsdk-test", bytes(range(32)))
OTHER = Ed25519Signer("other.example", bytes(range(1, 33)))


def test_the_published_note_opens_with_the_published_key():
    opened = open_note(PUBLISHED, [PUBLISHED_VERIFIER])

    assert opened.text == "This is an example message.\n"
    assert opened.verified == (PUBLISHED_VERIFIER,)
    assert opened.signatures == 1


def test_the_same_seed_text_and_name_always_give_the_same_note():
    assert SIGNER.vkey == OUR_KEY
    assert f"{OUR_TEXT}\n— log.example/provsdk-test {OUR_SIGNATURE}\n" == sign_note(OUR_TEXT, [SIGNER])


def test_a_vkey_reads_back_as_it_was_written():
    assert VerifierKey.parse(OUR_KEY).vkey == OUR_KEY
    assert SIGNER.key == VerifierKey.parse(OUR_KEY)


def test_signatures_by_unknown_keys_are_passed_over_but_counted():
    opened = open_note(sign_note("text\n", [OTHER, SIGNER]), [SIGNER.key])

    assert (SIGNER.key,) == opened.verified
    assert opened.signatures == 2


def test_a_text_may_have_empty_lines_of_its_own():
    assert open_note(sign_note("one\n\ntwo\n", [SIGNER]), [SIGNER.key]).text == "one\n\ntwo\n"


def test_a_hundred_signatures_are_read_and_not_one_more():
    text, line = sign_note("text\n", [SIGNER]).split("\n\n")

    assert open_note(f"{text}\n\n{line * 100}", [SIGNER.key]).signatures == 100
    with pytest.raises(FormatError, match="got 101 signatures"):
        open_note(f"{text}\n\n{line * 101}", [SIGNER.key])


def test_a_note_signed_by_nobody_known_is_refused():
    with pytest.raises(FormatError, match=r"no signature by a known key; expected log\.example"):
        open_note(sign_note("text\n", [OTHER]), [SIGNER.key])


def test_one_wrong_signature_by_a_known_key_spoils_the_note_whatever_else_is_good():
    good = sign_note("text\n", [SIGNER, OTHER])
    blob = OTHER.key.key_id + bytes(64)
    spoiled = good[: good.rindex(" ")] + " " + base64.b64encode(blob).decode() + "\n"

    with pytest.raises(FormatError, match=r"the signature by other\.example"):
        open_note(spoiled, [SIGNER.key, OTHER.key])


def test_a_key_of_the_same_name_and_another_id_is_another_key():
    namesake = Ed25519Signer(SIGNER.name, bytes(32))

    with pytest.raises(FormatError, match="no signature by a known key"):
        open_note(sign_note("text\n", [namesake]), [SIGNER.key])


@pytest.mark.parametrize("place", range(0, len(PUBLISHED) - 1, 3))
def test_a_change_of_any_character_is_noticed(place):
    changed = PUBLISHED[:place] + ("B" if PUBLISHED[place] == "A" else "A") + PUBLISHED[place + 1 :]

    with pytest.raises(FormatError):
        open_note(changed, [PUBLISHED_VERIFIER])


def test_the_second_spelling_that_base64_would_allow_is_refused():
    assert PUBLISHED_SIGNATURE.endswith("M=")
    with pytest.raises(FormatError, match="canonical base64"):
        open_note(PUBLISHED.replace("M=\n", "N=\n"), [PUBLISHED_VERIFIER])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\n\n",
        PUBLISHED[:-1],
        PUBLISHED + "\n",
        PUBLISHED.replace("\n\n", "\n"),
        PUBLISHED.replace("— ", "- "),
        PUBLISHED.replace("— ", "—"),
        PUBLISHED.replace("This", "Th\tis"),
        PUBLISHED.replace("This", "Th\ris"),
        PUBLISHED.replace("This", "\ud800"),
        PUBLISHED.replace(PUBLISHED_SIGNATURE, "Uw2QOg=="),
        PUBLISHED.replace(PUBLISHED_SIGNATURE, "Uw2QO"),
        PUBLISHED.replace(PUBLISHED_SIGNATURE, PUBLISHED_SIGNATURE + " x"),
        "a" * 1_000_001,
    ],
)
def test_what_is_no_note_is_refused(note):
    with pytest.raises(FormatError, match=r"^note: "):
        open_note(note, [PUBLISHED_VERIFIER])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        PUBLISHED_KEY.replace("530d903a", "530d903b"),
        PUBLISHED_KEY.replace("530d903a", "530D903A"),
        PUBLISHED_KEY.replace("+Aeky", "+Beky"),
        PUBLISHED_KEY.replace("example.com/foo", "example.com foo"),
        PUBLISHED_KEY.replace("example.com/foo", ""),
        PUBLISHED_KEY[:-4],
        PUBLISHED_KEY[:-1] + "!",
        PUBLISHED_KEY + "\n",
    ],
)
def test_what_is_no_vkey_is_refused(text):
    with pytest.raises(FormatError, match=r"^vkey: "):
        VerifierKey.parse(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tab\t", "line\n", "no\u00a0break", "\ud800"])
def test_a_key_has_no_such_name(name):
    assert not is_key_name(name)
    with pytest.raises(UsageError, match="white space"):
        Ed25519Signer(name, bytes(32))


def test_a_seed_has_32_bytes():
    with pytest.raises(UsageError, match="got 31"):
        Ed25519Signer("log.example", bytes(31))


@pytest.mark.parametrize("text", ["", "unended", "tab\t\n"])
def test_such_a_text_is_not_signed(text):
    with pytest.raises(UsageError, match="line feed"):
        sign_note(text, [SIGNER])


def test_a_note_without_signer_is_not_written():
    with pytest.raises(UsageError, match="needs a signer"):
        sign_note("text\n", [])


def test_a_signer_does_not_show_its_seed():
    assert "Ed25519Signer('log.example/provsdk-test+" in repr(SIGNER)
    assert bytes(range(32)).hex() not in repr(SIGNER)
