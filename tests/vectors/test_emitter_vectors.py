"""`emitters.json`: files of slots whose every byte is given, for whoever writes a reader of this format.

The bytes are put together below by `int.to_bytes` alone, as `docs/formats/emitters.md` says and without anything of
provsdk; `python tests/vectors/test_emitter_vectors.py` writes the file anew.
"""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from provsdk.errors import FormatError
from provsdk.store import emitters

FILE = Path(__file__).with_name("emitters.json")
EMITTER = bytes(range(0x10, 0x20))
TRACE = bytes(range(0xA0, 0xB0))
AT = 1_795_000_000_123_456_789
AT_TEXT = "2026-11-18T11:06:40.123456Z"


def header(untracked=0, left=0, magic=b"provsdk-slots/v1", reserved=bytes(8)):
    return magic + EMITTER + AT.to_bytes(8) + untracked.to_bytes(8) + left.to_bytes(8) + reserved


def slot(number, span, time=AT, name=b"answer"):
    return number.to_bytes(8) + TRACE + span.to_bytes(8) + time.to_bytes(8) + name.ljust(24, b"\0")


def said(number, span, name="answer"):
    record_id = f"rec_{TRACE.hex()}-{span:016x}"
    return {"number": number, "record_id": record_id, "started_at": AT_TEXT, "name": name}


def case(what, data, *, open_, highest, untracked=0, left=False):
    return {
        "what": what,
        "bytes": data.hex(),
        "emitter_id": f"emi_{EMITTER.hex()}",
        "opened_at": AT_TEXT,
        "highest": highest,
        "untracked": untracked,
        "left": left,
        "open": open_,
    }


def good():
    used = slot(9, 2, time=0)
    return [
        case("no output yet", header() + bytes(128), open_=[], highest=0),
        case("one that runs, one that is sealed", header() + slot(8, 1) + used, open_=[said(8, 1)], highest=9),
        case("by number, not by place", header() + slot(3, 3) + slot(1, 1), open_=[said(1, 1), said(3, 3)], highest=3),
        case("without a name", header() + slot(1, 1, name=b""), open_=[said(1, 1, "")], highest=1),
        case(
            "a name that fills its place, cut at a character",
            header() + slot(1, 1, name="überlange Namen von é!".encode()),
            open_=[said(1, 1, "überlange Namen von é!")],
            highest=1,
        ),
        case("outputs that found no slot", header(7) + bytes(64), open_=[], highest=0, untracked=7),
        case("left in order", header(left=1) + slot(1, 1), open_=[said(1, 1)], highest=1, left=True),
        case("cut short while it grew", header() + slot(1, 1) + slot(2, 2)[:40], open_=[said(1, 1)], highest=1),
        case("something in the reserved bytes", header(reserved=b"\1" * 8) + bytes(64), open_=[], highest=0),
    ]


def bad():
    return [
        {"what": "empty", "bytes": ""},
        {"what": "half a header", "bytes": header()[:40].hex()},
        {"what": "something else", "bytes": (b"SQLite format 3\0" + bytes(112)).hex()},
        {"what": "a newer version", "bytes": (header(magic=b"provsdk-slots/v2") + bytes(64)).hex()},
        {"what": "a number that no entry can hold", "bytes": (header() + slot(2**53, 1)).hex()},
    ]


def vectors():
    return {"version": 1, "good": good(), "bad": bad()}


def test_the_file_is_what_the_page_says():
    assert json.loads(FILE.read_text(encoding="utf-8")) == vectors()


@pytest.mark.parametrize("one", good(), ids=lambda one: one["what"])
def test_provsdk_reads(one):
    slots = asdict(emitters.decode(bytes.fromhex(one["bytes"])))

    assert {**slots, "open": list(slots["open"])} == {name: one[name] for name in one if name not in {"what", "bytes"}}


@pytest.mark.parametrize("one", bad(), ids=lambda one: one["what"])
def test_provsdk_refuses(one):
    with pytest.raises(FormatError, match="slots"):
        emitters.decode(bytes.fromhex(one["bytes"]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("answer", b"answer"),
        ("x" * 30, b"x" * 24),
        ("x" * 23 + "é", b"x" * 23),
        ("x" * 22 + "é" + "y", b"x" * 22 + "é".encode()),
        ("€" * 9, "€".encode() * 8),
        ("\U0001f600" * 7, "\U0001f600".encode() * 6),
        ("lone \ud800", b"lone ?"),
        ("", b""),
    ],
)
def test_a_name_is_cut_at_a_character(name, expected):
    assert emitters.cut_name(name) == expected


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
