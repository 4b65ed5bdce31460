"""`configure` on a real store: from a traced call to a sealed record, and every way in."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
import traceback
import weakref

import msgspec
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import provsdk
from provsdk import traced_output, traced_source
from provsdk.capture import ports
from provsdk.errors import ConfigError, ProvsdkError, StoreError, StoreForeign
from provsdk.pipeline import running
from provsdk.store.open import open_store
from provsdk.store.sqlite import SqliteStore

LONG = "a sentence that is long enough to link something"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Directories of a store, its keys and its memory; nothing configured before or after."""
    monkeypatch.delenv("PROVSDK_STORE", raising=False)
    monkeypatch.setenv("PROVSDK_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("PROVSDK_STATE", str(tmp_path / "state"))
    yield tmp_path / "store"
    provsdk.shutdown()


def opened(place):
    return open_store(place, keys=place.parent / "keys", state=place.parent / "state", read_only=True)


def records(place):
    store = opened(place)
    try:
        return [store.fold(one.record_id).record for one in store.summaries(newest_first=False)]
    finally:
        store.close()


def ends(place):
    """What emitters said when they closed."""
    store = opened(place)
    try:
        contents = [msgspec.json.decode(part.content) for n in range(store.size()) for part in store.parts(n)[:1]]
    finally:
        store.close()
    return [content for content in contents if "started" in content]


@traced_source("handbook", type="file", location="/h.pdf", version="3")
def load():
    return LONG


@traced_output("answer")
def answer():
    return load()


def test_what_opens_the_emitter_is_made_once_whatever_changes_meanwhile(place):
    """It may go to the spool and to the store, under one key."""
    runtime = provsdk.configure(store=place)
    first = runtime._opening_draft()
    runtime._environment._made_of = (None, None)
    runtime._environment._service = "another name"
    assert runtime._opening_draft() is first


def test_one_call_is_one_sealed_record_when_the_caller_has_the_value(place):
    provsdk.configure(store=place, service="desk", owner="ana@example.org", classification="internal")
    assert answer() == LONG
    (record,) = records(place)
    assert record.output.name == "answer"
    assert record.output.digest == "sha256:" + __import__("hashlib").sha256(LONG.encode()).hexdigest()
    assert [(one.name, one.type, one.version, one.location) for one in record.sources] == [
        ("handbook", "file", "3", "/h.pdf")
    ]
    assert [(one.role, one.agent) for one in record.ownership] == [("output_owner", "ana@example.org")]
    assert record.environment["service.name"] == "desk"
    assert record.emitter.number == 1
    assert record.completeness.complete


def test_the_emitter_is_opened_before_and_closed_after_its_outputs(place):
    provsdk.configure(store=place)
    answer()
    provsdk.shutdown()
    store = opened(place)
    kinds = [entry.kind for entry in store.entries()]
    assert kinds == ["log.opened", "emitter.opened", "record.sealed", "emitter.closed"]
    closed = msgspec.json.decode(store.parts(3)[0].content)
    assert {name: closed[name] for name in ("by", "started", "sealed", "lost")} == {
        "by": "exit",
        "started": 1,
        "sealed": 1,
        "lost": 0,
    }
    store.close()


def test_a_second_configure_ends_the_first(place):
    provsdk.configure(store=place)
    answer()
    provsdk.configure(store=place.parent / "other")
    answer()
    assert len(records(place)) == len(records(place.parent / "other")) == 1


def test_shutdown_makes_calls_pass_through_again(place):
    provsdk.configure(store=place)
    provsdk.shutdown()
    assert answer() == LONG
    assert records(place) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"durabilty": "sync"}, "durabilty .argument.: no such key.*durability"),
        ({"durability": "fast"}, "durability .argument.*sync.*batch"),
        ({"max_wait": "soon"}, "max_wait .argument."),
        ({"tracer_provider": object()}, "tracer_provider .argument.: wants"),
        ({"exporters": ["nobody"]}, "no exporter named 'nobody'.*jsonl"),
    ],
)
def test_a_wrong_setting_names_itself_its_place_and_what_is_allowed(place, settings, message):
    with pytest.raises(ConfigError, match=message):
        provsdk.configure(store=place, **settings)


def test_a_foreign_database_is_refused_and_left_alone(place):
    place.mkdir()
    (place / "log.db").write_bytes(b"not a database, but somebody's file" * 100)
    with pytest.raises(StoreForeign):
        provsdk.configure(store=place)
    assert (place / "log.db").read_bytes().startswith(b"not a database")
    assert ports.current() is None


def test_the_first_traced_call_configures_itself_from_the_environment(place, monkeypatch):
    monkeypatch.setenv("PROVSDK_STORE", str(place))
    monkeypatch.setenv("PROVSDK_SERVICE", "from-environment")
    answer()
    assert records(place)[0].environment["service.name"] == "from-environment"


def test_an_environment_that_cannot_work_is_told_once_and_the_program_goes_on(place, monkeypatch, caplog):
    monkeypatch.setenv("PROVSDK_STORE", "/dev/null/not-a-directory")
    assert answer() == LONG
    assert answer() == LONG
    assert len([one for one in caplog.records if one.name == "provsdk"]) == 1
    assert "outputs are not recorded" in caplog.text


def test_disabled_is_a_pass_through(place, monkeypatch):
    monkeypatch.setenv("PROVSDK_DISABLED", "1")
    provsdk.configure(store=place)
    assert answer() == LONG
    assert not place.exists()
    assert provsdk.flush()


def test_otel_sdk_disabled_stops_exports_not_records(place, monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    provsdk.configure(store=place, tracer_provider=TracerProvider(shutdown_on_exit=False))
    answer()
    assert len(records(place)) == 1


async def test_async_outputs_are_sealed_too(place):
    provsdk.configure(store=place)

    @traced_output("later")
    async def later():
        return LONG

    import asyncio

    assert await asyncio.gather(*(later() for _ in range(20))) == [LONG] * 20
    found = records(place)
    assert sorted(one.emitter.number for one in found) == list(range(1, 21))


def test_batch_is_sealed_by_flush(place):
    provsdk.configure(store=place, durability="batch")
    for _ in range(30):
        answer()
    flushed = provsdk.flush()
    assert flushed
    assert len(records(place)) == 30


def test_work_that_ends_late_extends_its_record(place):
    import contextvars

    held = []

    @traced_output("early")
    def early():
        held.append(contextvars.copy_context())
        return LONG

    provsdk.configure(store=place)
    early()
    held[0].run(load)
    assert provsdk.flush()
    store = opened(place)
    assert [entry.kind for entry in store.entries()][-1] == "record.extended"
    (record,) = [store.fold(one.record_id).record for one in store.summaries()]
    assert [one.name for one in record.sources] == ["handbook"]
    store.close()


def test_a_nested_output_has_a_record_of_its_own(place):
    @traced_output("outer")
    def outer():
        return answer() + "!"

    provsdk.configure(store=place)
    outer()
    inner, out = records(place)
    assert (inner.output.name, out.output.name) == ("answer", "outer")
    assert [one.name for one in inner.sources] == ["handbook"]
    assert out.sources == []
    nested = [edge for edge in out.flow if edge.to == inner.output.output_id]
    assert [(edge.from_, edge.basis) for edge in nested] == [(out.output.output_id, "containment")]


def test_content_is_kept_only_when_asked_for_and_never_in_plain(place):
    provsdk.configure(store=place, capture_content="full")
    answer()
    provsdk.shutdown()
    store = opened(place)
    index = next(entry.index for entry in store.entries() if entry.kind == "record.sealed")
    content = [part for part in store.parts(index) if part.path.startswith("content/")]
    assert any(LONG in part.content.decode() for part in content)
    store.close()
    for file in place.rglob("*"):
        if file.is_file():
            assert LONG.encode() not in file.read_bytes()


def test_every_part_of_a_confidential_record_is_encrypted(place):
    @traced_output("case-4711", classification="confidential", subjects=["somebody@example.org"])
    def secret():
        return load()

    provsdk.configure(store=place)
    secret()
    provsdk.shutdown()
    for file in place.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert b"case-4711" not in data
            assert b"somebody@" not in data
            assert b"/h.pdf" not in data
    (record,) = records(place)
    assert record.context.subjects == ["somebody@example.org"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_is_an_emitter_of_its_own(place):
    program = textwrap.dedent(
        f"""
        import os, provsdk
        from provsdk import traced_output
        @traced_output("out")
        def out(): return {LONG!r}
        provsdk.configure(store={str(place)!r})
        out()
        child = os.fork()
        out()
        if child:
            assert os.waitpid(child, 0)[1] == 0
        else:
            provsdk.shutdown()
            os._exit(0)
        """
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60, env=os.environ.copy())
    found = records(place)
    numbers = sorted((one.emitter.id, one.emitter.number) for one in found)
    assert len({identity for identity, _ in numbers}) == 2
    assert sorted(number for _, number in numbers) == [1, 1, 2]


def test_what_is_pending_at_exit_is_sealed(place):
    program = textwrap.dedent(
        f"""
        import provsdk
        from provsdk import traced_output
        @traced_output("out")
        def out(): return {LONG!r}
        provsdk.configure(store={str(place)!r}, durability="batch")
        for _ in range(5): out()
        """
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env=os.environ.copy())
    assert len(records(place)) == 5


def test_exporters_get_every_sealed_record_and_a_failing_one_blocks_nothing(place, tmp_path):
    target = tmp_path / "out.jsonl"
    provsdk.configure(store=place, exporters=[{"name": "jsonl", "path": str(target)}])
    answer()
    answer()
    assert provsdk.flush()
    lines = target.read_text().splitlines()
    assert [msgspec.json.decode(line)["output"]["name"] for line in lines] == ["answer", "answer"]


def test_configure_raises_when_the_store_cannot_be_written(place):
    with pytest.raises(StoreError):
        provsdk.configure(store="/proc/nowhere/store")


def test_an_output_that_is_under_way_at_shutdown_is_sealed_all_the_same(place):
    import threading

    begun, go_on = threading.Event(), threading.Event()

    @traced_output("slow")
    def slow():
        begun.set()
        go_on.wait(10)
        return LONG

    provsdk.configure(store=place)
    thread = threading.Thread(target=slow)
    thread.start()
    begun.wait(10)
    provsdk.shutdown()
    go_on.set()
    thread.join()
    assert [one.output.name for one in records(place)] == ["slow"]


def test_a_block_that_fails_raises_its_own_error_whatever_becomes_of_the_record(place):
    import sqlite3

    provsdk.configure(store=place, max_wait=0.1, on_unavailable="block")
    other = sqlite3.connect(place / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LookupError), traced_output("block"):
        raise LookupError
    other.execute("ROLLBACK")
    other.close()


def test_a_hanging_exporter_holds_up_neither_flush_nor_shutdown(place, monkeypatch):
    import threading
    import time

    from provsdk.export.contract import Loaded
    from provsdk.pipeline import _runtime

    let_go = threading.Event()

    class Hanging:
        def export(self, batch):
            let_go.wait(30)

        def close(self):
            pass

    monkeypatch.setattr(_runtime, "load_exporter", lambda name, options: Loaded(name, name, Hanging()))
    monkeypatch.setattr(_runtime, "EXIT_S", 0.5)
    provsdk.configure(store=place, exporters=["jsonl"])
    answer()
    began = time.monotonic()
    assert not provsdk.flush(0.5)
    provsdk.shutdown()
    assert time.monotonic() - began < 5.0
    let_go.set()


def test_a_model_call_that_lineage_does_not_reach_is_inferred(place):
    from provsdk import traced_model_call

    @traced_model_call("chat", parameters={"temperature": 0})
    def chat(messages):
        return "  an answer with words in it, to be told apart  "

    @traced_output("out")
    def out(question):
        return chat([question, load()])[::-1]

    provsdk.configure(store=place)
    out("What is it that you want to know from me today?")
    (record,) = records(place)
    (call,) = record.model_calls
    assert call.parameters == {"temperature": 0}
    assert [one.role for one in call.results] == ["result"]
    (link,) = [
        edge for edge in record.flow if edge.to == call.results[0].entity_id and edge.relation == "wasDerivedFrom"
    ]
    assert (link.from_, link.basis) == (record.output.output_id, "enclosing")


def test_elements_of_an_argument_are_no_results(place):
    from provsdk import traced_model_call

    @traced_model_call("chat")
    def chat(messages):
        return {"text": "the answer, at some length and more"}

    @traced_output("out")
    def out(question):
        return chat([{"role": "user", "content": question}, {"role": "system", "content": LONG}])["text"]

    provsdk.configure(store=place)
    out("What is it that you want to know from me today?")
    (call,) = records(place)[0].model_calls
    assert [one.name for one in call.results] == [None, "text"]
    assert "1.content" in [one.name for one in call.arguments]


def test_another_digest_key_than_the_logs_is_refused_and_none_is_made(place):
    from provsdk.errors import KeyUnusable
    from provsdk.ledger.keys import digest_key

    provsdk.configure(store=place)
    provsdk.shutdown()
    key = place.parent / "keys" / "digest.key"
    key.unlink()
    with pytest.raises(KeyUnusable):
        provsdk.configure(store=place)
    assert not key.exists()
    digest_key(place.parent / "keys", create=True)
    with pytest.raises(KeyUnusable, match=r"put that digest\.key back"):
        provsdk.configure(store=place)


def test_what_was_shut_down_does_not_configure_itself_again(place, monkeypatch):
    monkeypatch.setenv("PROVSDK_STORE", str(place))
    answer()
    provsdk.shutdown()
    answer()
    assert len(records(place)) == 1


def test_what_we_could_not_do_is_counted_and_said_when_the_process_ends(place):
    @traced_source("broken", version=lambda result: result.nothing)
    def broken():
        return LONG

    runtime = provsdk.configure(store=place)
    assert runtime.failures == {}
    traced_output("answer")(broken)()
    traced_output("answer")(broken)()
    assert runtime.failures == {"ask for 'version' of a source (AttributeError)": 2}
    provsdk.shutdown()
    assert closed(place)["failures"] == [
        {"where": "ask for 'version' of a source", "kind": "AttributeError", "count": 2}
    ]
    provsdk.configure(store=place)
    answer()
    provsdk.shutdown()
    assert closed(place)["failures"] == [], "another configuration begins with none"


def closed(place):
    store = opened(place)
    try:
        newest = [entry for entry in store.entries() if entry.kind == "emitter.closed"][-1]
        return msgspec.json.decode(store.parts(newest.index)[0].content)
    finally:
        store.close()


def test_what_configure_refuses_is_told_without_how_it_was_found_out(place):
    for settings in ({"store": "/dev/null/nowhere"}, {"no_such_key": 1}):
        with pytest.raises(ProvsdkError) as caught:
            provsdk.configure(**settings)

        shown = "".join(traceback.format_exception(caught.value))
        assert [frame.name for frame in traceback.extract_tb(caught.tb)][1:] == ["configure"]
        assert shown.count("Traceback") == 1
        assert shown.splitlines()[-1] == f"provsdk.errors.{type(caught.value).__name__}: {caught.value}"


def test_a_second_configure_loses_no_call_of_busy_threads(place):
    """Calls that begin while one runtime takes the place of another go to either of them."""
    stores = [place.parent / f"store {n % 2}" for n in range(6)]
    over, counts = threading.Event(), [0] * 4

    def work(n):
        while not over.is_set():
            answer()
            counts[n] += 1

    provsdk.configure(store=stores[0])
    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(counts))]
    for thread in threads:
        thread.start()
    for store in stores[1:]:
        time.sleep(0.05)
        provsdk.configure(store=store)
    over.set()
    for thread in threads:
        thread.join()
    provsdk.shutdown()
    assert sum(len(records(store)) for store in set(stores)) == sum(counts) > 100
    for store in set(stores):
        assert [(end["started"], end["lost"]) for end in ends(store)] == [(end["sealed"], 0) for end in ends(store)]


def test_where_a_second_configure_fails_the_first_goes_on(place):
    provsdk.configure(store=place)
    foreign = place.parent / "foreign"
    foreign.mkdir()
    (foreign / "log.db").write_bytes(b"not a database, but somebody's file" * 100)
    with pytest.raises(StoreForeign):
        provsdk.configure(store=foreign)
    answer()
    provsdk.shutdown()
    assert len(records(place)) == 1


def test_a_second_configure_numbers_its_outputs_from_one(place):
    for _ in range(2):
        provsdk.configure(store=place)
        answer()
    provsdk.shutdown()
    assert [(end["started"], end["sealed"]) for end in ends(place)] == [(1, 1), (1, 1)]


NOT_KNOWN = ["span_missing"]


@pytest.mark.parametrize("disabled", [False, True])
def test_what_runs_when_another_takes_over_says_it_where_it_is_not_known_what_came_after(place, disabled):
    """Traced calls go on in its record; a stream has ended for it, and without a runtime nothing is seen any more."""

    @traced_output("long")
    def takes_long():
        provsdk.configure(store=place.parent / "other", disabled=disabled)
        return load()

    @traced_output("stream")
    def chunks():
        yield load()
        yield load()

    provsdk.configure(store=place)
    stream = chunks()
    next(stream)
    takes_long()
    assert list(stream) == [LONG]
    provsdk.shutdown()
    found = {record.output.name: record for record in records(place)}
    assert {name: list({one.reason for one in found[name].completeness.reasons}) for name in found} == {
        "long": NOT_KNOWN if disabled else [],
        "stream": NOT_KNOWN,
    }
    assert [one.name for one in found["long"].sources] == ([] if disabled else ["handbook"])
    assert not (place.parent / "other").exists() or records(place.parent / "other") == []


@pytest.mark.parametrize("durability", ["sync", "batch"])
def test_what_ends_under_a_runtime_that_has_stopped_is_sealed_by_whoever_ends_it(place, durability):
    """Nobody waits for any of these, and no thread of the runtime's works any more."""
    later = threading.Event()

    def load_later():
        later.wait()
        load()

    @traced_output("early")
    def early():
        begun.append(threading.Thread(target=load_later, daemon=True))
        begun[0].start()
        return LONG

    @traced_output("long")
    def takes_long():
        provsdk.configure(store=place.parent / "other")
        return LONG

    begun = []
    provsdk.configure(store=place, durability=durability)
    early()
    takes_long()
    later.set()
    begun[0].join()
    found = {record.output.name: record for record in records(place)}
    assert set(found) == {"early", "long"}


def test_a_call_that_ends_after_its_output_and_its_runtime_is_told_of(place, caplog):
    entered, later = threading.Event(), threading.Event()

    @traced_source("late")
    def late():
        entered.set()
        later.wait()
        return LONG

    @traced_output("early")
    def early():
        begun.append(threading.Thread(target=late, daemon=True))
        begun[0].start()
        entered.wait()
        return LONG

    begun = []
    provsdk.configure(store=place)
    early()
    provsdk.configure(store=place.parent / "other")
    later.set()
    begun[0].join()
    store = opened(place)
    try:
        (summary,) = store.summaries()
        folded = store.fold(summary.record_id)
    finally:
        store.close()
    assert [one.name for one in folded.record.sources] == ["late"]


def test_a_fork_while_another_takes_over_leaves_the_child_nothing_to_trip_over(place):
    """SQLite keeps locks by process: a child that inherits an open connection can never write there."""
    provsdk.configure(store=place)

    def again():
        for _ in range(3):
            provsdk.configure(store=place)
            answer()

    children = []
    for n in range(4):
        thread = threading.Thread(target=again, daemon=True)
        thread.start()
        time.sleep(n * 0.02)
        child = os.fork()
        if not child:
            answer()
            flushed = provsdk.flush(4)
            os._exit(0 if flushed and not flushed.spooled else 1)
        children.append(child)
        thread.join()
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * len(children)


def test_what_keeps_exported_spans_keeps_no_runtime(place):
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    runtimes = []
    for _ in range(8):
        runtimes.append(weakref.ref(provsdk.configure(store=place, tracer_provider=provider)))
        answer()
    provsdk.shutdown()
    gc.collect()
    assert len(exporter.get_finished_spans()) == 16
    assert len([1 for runtime in runtimes if runtime() is not None]) < 4, "the last, and one whose threads are ending"


def test_what_runs_when_another_takes_over_is_exported_as_before(place):
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    entered, later = threading.Event(), threading.Event()

    @traced_output("long")
    def takes_long():
        entered.set()
        later.wait()
        return load()

    provsdk.configure(store=place, tracer_provider=provider)
    thread = threading.Thread(target=takes_long, daemon=True)
    thread.start()
    entered.wait()
    running().hand_over()
    later.set()
    thread.join()
    assert {span.name for span in exporter.get_finished_spans()} == {"long", "handbook"}


def test_the_users_provider_is_watched_by_the_second_and_then_by_nobody(place):
    provider = TracerProvider(shutdown_on_exit=False)
    before = provider.sampler
    provsdk.configure(store=place, tracer_provider=provider)
    provsdk.configure(store=place, tracer_provider=provider)
    tracer = provider.get_tracer("orders")

    @traced_output("answer")
    def asked():
        with tracer.start_as_current_span("SELECT"):
            return LONG

    asked()
    provsdk.shutdown()
    assert provider.sampler is before
    (record,) = records(place)
    assert record.capture.integrations == ["orders"]


def test_a_fork_gets_the_store_while_threads_seal_all_the_time(place, monkeypatch):
    given = []

    def suspended(store, *, timeout):
        given.append(suspend(store, timeout=timeout))
        return given[-1]

    suspend = SqliteStore.suspend
    monkeypatch.setattr(SqliteStore, "suspend", suspended)
    runtime = provsdk.configure(store=place)
    over = threading.Event()

    def work():
        while not over.is_set():
            answer()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        time.sleep(0.02)
        runtime.before_fork()()
    over.set()
    for thread in threads:
        thread.join()
    assert given == [True] * 8
    assert provsdk.flush(10)


def test_a_child_that_is_forked_in_the_first_call_of_a_kind_loads_nothing(tmp_path):
    """A module that another thread is loading at a fork stays locked in the child for ever."""
    program = """
        import sys, provsdk
        from provsdk import traced_model_call, traced_output, traced_source
        from pathlib import Path
        provsdk.configure(store="s", keys="k", state="t")
        before = set(sys.modules)

        @traced_source(location="https://u:p@example.org/x?token=1", checksum="md5:" + "0" * 32)
        def load(): return "a sentence that is long enough"

        @traced_model_call(provider="acme")
        def chat(model, messages): return {"choices": [{"message": {"content": "x"}}], "model": "m", "usage": {}}

        @traced_output("stream")
        def words():
            load(); chat("m", [{"role": "user", "content": "?"}])
            yield "a"

        list(words())
        print(sorted(name for name in set(sys.modules) - before if name.startswith("provsdk.capture")))
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


def test_a_burst_beyond_the_queue_waits_for_room_and_loses_nothing(place):
    """With `batch` nobody waits, but where there is little room left."""
    provsdk.configure(store=place, durability="batch", queue_size=40)
    for _ in range(400):
        answer()
    flushed = provsdk.flush(20)
    assert (bool(flushed), flushed.lost) == (True, 0)
    assert len(records(place)) == 400
