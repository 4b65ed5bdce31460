"""A stream's reader never waits for the disk between two chunks, and its start is noted before the first one leaves."""

import asyncio
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

import provsdk
from provsdk import traced_output
from provsdk.store.emitters import decode
from provsdk.store.open import open_store

CHUNKS = [f"chunk number {n} of an answer that is long enough to link something\n" for n in range(1_000)]

FAULT = textwrap.dedent("""
    import signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from nursery import FAULTS
    signal.signal(signal.SIGIO, lambda *_: None)
    with FAULTS[sys.argv[2]](Path(sys.argv[3])):
        print("away", flush=True)
        sys.stdin.readline()
""")


@traced_output("answer")
def answer():
    yield from CHUNKS


@traced_output("answer")
async def answer_later():
    for chunk in CHUNKS:
        yield chunk


async def read_later(note):
    async for chunk in answer_later():
        note(chunk)


def read(note):
    for chunk in answer():
        note(chunk)


READERS = {"sync": read, "async": lambda note: asyncio.run(read_later(note))}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv("PROVSDK_STORE")
    yield tmp_path / "store"
    provsdk.shutdown()


@contextmanager
def away(fault, place):
    """Another process makes the store unreachable."""
    command = [sys.executable, "-c", FAULT, str(Path(__file__).parent), fault, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "away\n"
        try:
            yield
        finally:
            process.stdin.close()
            process.wait()


def records(place):
    store = open_store(place, keys=place.parent / "keys", state=place.parent / "state", read_only=True)
    found = [store.fold(one.record_id).record for one in store.summaries()]
    store.close()
    return found


@pytest.mark.parametrize("fault", ["locked", "hung"])
@pytest.mark.parametrize("way", READERS)
def test_every_chunk_arrives_while_the_store_is_away_and_only_the_end_waits(place, fault, way):
    provsdk.configure(store=place, max_wait=120)
    arrived, all_there = [], threading.Event()

    def note(chunk):
        arrived.append(chunk)
        if len(arrived) == len(CHUNKS):
            all_there.set()

    with away(fault, place):
        reader = threading.Thread(target=READERS[way], args=(note,))
        reader.start()
        assert all_there.wait(60)
        reader.join(0.2)
        assert reader.is_alive()
        assert records(place) == []
    reader.join()

    assert arrived == CHUNKS
    assert [(one.output.status, one.output.stream.chunks) for one in records(place)] == [("completed", len(CHUNKS))]


class Reached:
    """Notes every call of this thread that reaches for the store or a file, or waits for whoever does."""

    def __init__(self):
        self.calls = []

    def __call__(self, frame, event, called):
        if event == "call" and any(f"/provsdk/{one}/" in frame.f_code.co_filename for one in ("store", "pipeline")):
            self.calls.append(frame.f_code.co_qualname)
        elif event == "c_call":
            homes = {called.__module__, type(called.__self__).__module__}
            if homes & {"sqlite3", "_sqlite3", "posix", "_io", "_thread", "fcntl", "mmap"}:
                self.calls.append(called.__qualname__)


async def following(stream):
    """The next chunk of a stream of either kind; None at its end."""
    return next(stream, None) if hasattr(stream, "__next__") else await anext(stream, None)


@pytest.mark.parametrize("function", [answer, answer_later])
async def test_between_its_chunks_its_reader_reaches_for_neither_store_nor_file_nor_lock(place, function):
    provsdk.configure(store=place)
    stream, reached = function(), Reached()
    chunks = [await following(stream)]
    sys.setprofile(reached)
    try:
        chunks += [await following(stream) for _ in CHUNKS[1:]]
        before_the_end = list(reached.calls)
        assert await following(stream) is None
    finally:
        sys.setprofile(None)

    assert chunks == CHUNKS
    assert before_the_end == []
    assert "Sealer.ticket" in reached.calls, "its end does"


def test_its_start_is_in_the_slots_before_its_first_chunk_leaves(place):
    def open_slots():
        (file,) = (place / "emitters").iterdir()
        return [(slot.number, slot.name) for slot in decode(file.read_bytes()).open]

    @traced_output("answer")
    def looking():
        yield open_slots()
        yield "more"

    provsdk.configure(store=place)
    stream = looking()
    assert open_slots() == []
    assert next(stream) == [(1, "answer")]
    assert open_slots() == [(1, "answer")]
    list(stream)
    assert open_slots() == []
