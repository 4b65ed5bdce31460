"""Lines that are whole, canonical, on disk, and safe beside other writers."""

import errno
import json
import os
import subprocess
import sys

import msgspec
import pytest

from provsdk.errors import ConfigError
from provsdk.export import jsonl
from provsdk.export.contract import SealedRecord
from provsdk.export.jsonl import JsonlExporter, line


@pytest.fixture
def item(log):
    log.seal("rec_a")
    return SealedRecord("0197-first", 1, 0, log.fold("rec_a").record)


def test_a_line_is_the_folded_record(item):
    assert json.loads(line(item)) == msgspec.to_builtins(item.record)


def test_a_line_is_canonical(item):
    from provsdk.canonical import canonical

    assert line(item) == canonical(msgspec.to_builtins(item.record)) + b"\n"


def test_batches_are_appended(item, tmp_path):
    exporter = JsonlExporter(tmp_path / "out.jsonl")

    exporter.export([item, item])
    exporter.export([item])
    exporter.close()

    assert exporter.path.read_bytes() == line(item) * 3


def test_the_file_is_its_owners_only(item, tmp_path):
    JsonlExporter(tmp_path / "out.jsonl").export([item])

    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600


def test_after_a_torn_line_the_next_stands_alone(item, tmp_path):
    (tmp_path / "out.jsonl").write_bytes(b'{"torn": ')

    JsonlExporter(tmp_path / "out.jsonl").export([item])

    assert (tmp_path / "out.jsonl").read_bytes().splitlines()[1] + b"\n" == line(item)


def test_what_does_not_fit_leaves_no_trace(item, tmp_path, monkeypatch):
    """The disk fills up in the middle of a batch."""
    exporter = JsonlExporter(tmp_path / "out.jsonl")
    exporter.export([item])
    write = os.write

    def half(descriptor, data):
        if len(data) <= 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:-100])

    monkeypatch.setattr(jsonl.os, "write", half)
    with pytest.raises(OSError, match="No space left"):
        exporter.export([item])

    assert exporter.path.read_bytes() == line(item)


def test_a_full_disk_is_really_survived(item, tmp_path):
    """With the kernel's own limit on the size of files."""
    code = (
        "import resource, signal, sys, msgspec\n"
        "from provsdk.export.contract import SealedRecord\nfrom provsdk.export.jsonl import JsonlExporter\n"
        "from provsdk.records.record import ProvenanceRecord\n"
        "record = msgspec.json.decode(sys.stdin.buffer.read(), type=ProvenanceRecord)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))\n"
        "exporter = JsonlExporter(sys.argv[1])\nitem = SealedRecord('x', 1, 0, record)\nexporter.export([item])\n"
        "try:\n    exporter.export([item, item])\nexcept OSError:\n    sys.exit(7)\n"
    )
    path = tmp_path / "out.jsonl"

    done = subprocess.run([sys.executable, "-c", code, str(path)], input=line(item), check=False, timeout=60)

    assert done.returncode == 7
    assert path.read_bytes() == line(item)


@pytest.mark.parametrize("path", [None, 3, ""])
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(ConfigError, match="path is the name of a file"):
        JsonlExporter(path)


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is a directory"):
        JsonlExporter(tmp_path)


def test_a_relative_path_does_not_follow_the_process(item, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exporter = JsonlExporter("out.jsonl")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    exporter.export([item])

    assert (tmp_path / "out.jsonl").exists()
