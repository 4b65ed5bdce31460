"""The text of a checkpoint."""

import base64

import pytest

from provsdk.errors import FormatError
from provsdk.ledger.checkpoint import MAX_SIZE, Checkpoint, parse

ROOT = bytes.fromhex("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")
TEXT = "log.example/provsdk-test\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"


def test_the_text_has_a_line_each_for_origin_size_and_root():
    assert Checkpoint("log.example/provsdk-test", 8, ROOT).text() == TEXT


def test_it_reads_back():
    assert Checkpoint("log.example/provsdk-test", 8, ROOT) == parse(TEXT)


def test_further_lines_are_kept_because_they_are_signed():
    checkpoint = parse(TEXT + "more\nlines\n")

    assert checkpoint.extensions == ("more", "lines")
    assert checkpoint.text() == TEXT + "more\nlines\n"


def test_the_largest_size():
    assert parse(TEXT.replace("\n8\n", f"\n{MAX_SIZE}\n")).size == MAX_SIZE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "log.example\n8\n",
        TEXT[:-1],
        TEXT + "\n",
        "\n" + TEXT,
        TEXT.replace("\n8\n", "\n\n"),
        TEXT.replace("\n8\n", "\n08\n"),
        TEXT.replace("\n8\n", "\n+8\n"),
        TEXT.replace("\n8\n", "\n-8\n"),
        TEXT.replace("\n8\n", "\n 8\n"),
        TEXT.replace("\n8\n", "\n8_0\n"),
        TEXT.replace("\n8\n", "\n٨\n"),
        TEXT.replace("\n8\n", f"\n{MAX_SIZE + 1}\n"),
        TEXT.replace("\n8\n", "\n" + "9" * 5000 + "\n"),
        TEXT.replace("Xcna", "Xcn"),
        TEXT.replace("Xcna", "Xcn!"),
        TEXT.replace("Qyg=", "Qyh="),
        TEXT.replace("Xcna", "Xcnä"),
        TEXT.replace("XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=", base64.b64encode(bytes(31)).decode()),
    ],
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(FormatError, match=r"^checkpoint: "):
        parse(text)
