"""Through a real OpenTelemetry Collector: what arrives there assembles to the records that the process sealed."""

import importlib.util
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from provsdk import semconv
from provsdk.assembly import assemble
from provsdk.assembly.otlp import read_json, read_protobuf_file
from provsdk.assembly.process_only import FIELDS, SUMMARY
from provsdk.records.codec import encode
from provsdk.store.open import open_store

pytestmark = pytest.mark.needs("otelcol")

HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "docs" / "guides" / "collector.md"
PROTOCOLS = ["http", "grpc"]
FORMATS = {"spans.jsonl": read_json, "spans.binpb": read_protobuf_file}
STARTED_S = 30
STOPPED_S = 30
NOT_SENT = "unsampled"


def configuration():
    """The configuration that the guide shows."""
    where = importlib.util.spec_from_file_location("guide_blocks", HERE.parent / "docs" / "_pages.py")
    pages = importlib.util.module_from_spec(where)
    sys.modules[where.name] = pages
    where.loader.exec_module(pages)
    (block,) = pages.blocks(GUIDE, "yaml")
    return block.text


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_until_open(port, process, log):
    deadline = time.monotonic() + STARTED_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    process.kill()
    process.wait()
    pytest.fail(f"the collector does not listen:\n{log.read_text()}")


class Collector:
    """A collector with the guide's configuration, on free ports, writing into `directory`."""

    def __init__(self, directory):
        self.grpc, self.http = free_port(), free_port()
        self.log = directory / "collector.log"
        config = directory / "collector.yaml"
        config.write_text(configuration())
        addresses = {"OTLP_GRPC": f"127.0.0.1:{self.grpc}", "OTLP_HTTP": f"127.0.0.1:{self.http}"}
        # Its metrics would take a port that is not ours to take.
        quiet = "yaml:service::telemetry::metrics::level: none"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["otelcol", f"--config={config}", f"--config={quiet}"],
                env={**os.environ, **addresses, "SPANS": str(directory)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        for port in (self.grpc, self.http):
            wait_until_open(port, self.process, self.log)

    def endpoint(self, protocol):
        return f"http://127.0.0.1:{self.grpc}" if protocol == "grpc" else f"http://127.0.0.1:{self.http}/v1/traces"

    def stop(self):
        """Lets it write what it holds."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(STOPPED_S) == 0, self.log.read_text()


def run_program(protocol, endpoint, directory):
    """The user's service, with limits that would cut every span to pieces, were they applied to ours."""
    limits = {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "128", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "2"}
    places = {f"PROVSDK_{name.upper()}": str(directory / protocol / name) for name in ("store", "keys", "state")}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(HERE / "collector_program.py"), protocol, endpoint],
        env={**os.environ, **limits, **places},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


class Sealed:
    """What the process sealed: records, by id, with their extensions folded in, and the paths of their parts."""

    def __init__(self, directory):
        store = open_store(
            directory / "store", keys=directory / "keys", state=directory / "state", create=False, read_only=True
        )
        try:
            folded = [store.fold(one.record_id) for one in store.summaries()]
            self.records = {one.record_id: one.record for one in folded}
            self.kinds = {one.record_id: [entry.kind for entry in one.entries] for one in folded}
            self.paths = {
                one.record_id: {part.path for entry in one.entries for part in store.parts(entry.index)}
                for one in folded
            }
        finally:
            store.close()

    def named(self, name):
        """The one record of that name."""
        (found,) = [each for each in self.records.values() if each.output.name == name]
        return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One collector, and one run of the service for each protocol: what was sealed, and the bytes that arrived."""
    directory = tmp_path_factory.mktemp("collector")
    collector = Collector(directory)
    try:
        for protocol in PROTOCOLS:
            run_program(protocol, collector.endpoint(protocol), directory)
        collector.stop()
    finally:
        collector.process.kill()
        collector.process.wait()
    sealed = {protocol: Sealed(directory / protocol) for protocol in PROTOCOLS}
    return sealed, {name: (directory / name).read_bytes() for name in FORMATS}


@pytest.fixture(scope="module", params=PROTOCOLS)
def sealed(request, run):
    return run[0][request.param]


@pytest.fixture(scope="module")
def spans(run):
    """The spans that arrived, of both runs; they are the same in both formats, as a test below says."""
    return list(read_json(run[1]["spans.jsonl"]))


def records_of(spans):
    """The records of all spans: there is no output whose span is missing."""
    found = assemble(spans, {})
    assert found.extensions == ()
    return {one.record.record_id: one.record for one in found.records}


@pytest.fixture(scope="module")
def arrived(spans):
    return records_of(spans)


def holders(tree, path):
    """The objects whose field the path names, and the field."""
    *above, field = path.split(".")
    found = [tree]
    for name in above:
        inside = [one[name] for one in found if name in one]  # fields that are not set are left out
        found = [each for one in inside for each in (one if isinstance(one, list) else [one])]
    return found, field


def values(tree, path):
    found, field = holders(tree, path)
    return [each.get(field) for each in found]  # a last field may be left out, too


def without_process_only(record):
    """The record without the listed fields, and without the reason that lists them."""
    tree = msgspec.to_builtins(record)
    for paths in FIELDS.values():
        for path in paths:
            found, field = holders(tree, path)
            for each in found:
                each.pop(field, None)
    reasons = tree["completeness"]["reasons"]
    kept = [each for each in reasons if each["reason"] != "process_only"]
    tree["completeness"] = {"complete": not kept, "reasons": kept}
    return tree


def test_both_formats_of_the_exporter_hold_the_same_spans(run):
    in_json, in_protobuf = (list(read(run[1][name])) for name, read in FORMATS.items())

    assert sorted(in_json, key=lambda span: span.key) == sorted(in_protobuf, key=lambda span: span.key)
    assert len({span.key for span in in_json}) == len(in_json) > 150


def test_every_record_is_the_one_that_the_process_sealed_but_for_the_listed_fields(sealed, arrived):
    sent = {key: each for key, each in sealed.records.items() if each.output.name != NOT_SENT}

    assert len(sent) == 16
    for record_id, record in sent.items():
        assert encode(without_process_only(arrived[record_id])) == encode(without_process_only(record))


def test_edges_differ_by_those_that_content_shows_and_by_nothing_else(sealed, arrived):
    def others(record):
        """What was cited travels, its places in the text do not."""
        return [
            msgspec.structs.replace(edge, spans=msgspec.UNSET)
            for edge in record.flow
            if edge.basis not in {"containment", "quotation", "enclosing"}
        ]

    for record_id in sealed.records.keys() & arrived.keys():
        assert others(arrived[record_id]) == others(sealed.records[record_id])
        assert {edge.basis for edge in arrived[record_id].flow}.isdisjoint({"containment", "quotation"})


def test_a_record_that_was_assembled_from_what_arrived_lists_them(arrived):
    for record in arrived.values():
        assert not record.completeness.complete
        assert [each.detail for each in record.completeness.reasons if each.reason == "process_only"] == [SUMMARY]
        assert record.capture.path == "receiver"


@pytest.fixture(scope="module")
def trees(sealed, arrived):
    """Records as plain values, sealed and arrived; the long one has one field ten thousand times, and is left out."""
    long = sealed.named("long").record_id
    both = sorted(sealed.records.keys() & arrived.keys() - {long})
    return [(msgspec.to_builtins(sealed.records[each]), msgspec.to_builtins(arrived[each])) for each in both]


def pairs(trees, path):
    """What the process knew in a field, and what arrived of it, everywhere."""
    return [pair for mine, theirs in trees for pair in zip(values(mine, path), values(theirs, path), strict=True)]


@pytest.mark.parametrize("words", [words for words, paths in FIELDS.items() if paths])
def test_no_field_is_listed_that_travels(trees, words):
    """Each differs somewhere; `integrations` do not arrive either, but there are none yet."""
    for path in FIELDS[words]:
        assert any(mine != theirs for mine, theirs in pairs(trees, path)) or path == "capture.integrations"


@pytest.mark.parametrize(
    "words", sorted(FIELDS.keys() - {"environment", "capture", "keys in names", "edges found in content"})
)
def test_a_field_that_is_listed_arrives_as_it_is_or_not_at_all(trees, words):
    for path in FIELDS[words]:
        assert all(theirs in (None, [], {}, mine) for mine, theirs in pairs(trees, path))


def test_names_differ_in_the_keys_of_mappings_and_in_nothing_else(trees):
    both = {pair for path in FIELDS["keys in names"] for pair in pairs(trees, path)}
    changed = {(mine, theirs) for mine, theirs in both if mine != theirs}

    assert ("the question", "*") in changed
    assert all("*" in theirs for _, theirs in changed)


def test_captured_content_stays_in_the_process(run, spans, sealed):
    kept = [path for paths in sealed.paths.values() for path in paths if path.startswith("content/")]

    assert kept
    assert all(one.contents == () for one in assemble(spans, {}).records)
    for data in run[1].values():
        assert b"long enough to be recognised" not in data.replace(b"document", b"")


def test_the_environment_that_arrives_is_what_the_resource_says(sealed, arrived):
    record = sealed.named("answer")

    assert arrived[record.record_id].environment == {"service.name": "help-desk", "service.version": "1.2"}
    assert arrived[record.record_id].environment.items() <= record.environment.items()


def test_facts_beyond_what_an_attribute_and_a_request_may_hold_arrive_whole(sealed, arrived, spans):
    record = sealed.named("long")
    pieces = [
        span for span in spans if semconv.FACTS_PART in span.attributes and span.trace_id == record.trace.trace_id
    ]

    assert sum(len(span.attributes[semconv.FACTS]) for span in pieces) > 4 * 2**20
    assert max(len(span.attributes[semconv.FACTS]) for span in pieces) == semconv.FACTS_LIMIT_BYTES
    assert len(arrived[record.record_id].sources) == 10_000


def test_nested_outputs_are_records_of_their_own(sealed, arrived):
    outer = arrived[sealed.named("outer").record_id]
    nested = {edge.from_ for edge in outer.flow if edge.from_.startswith("out_")} - {outer.output.output_id}

    assert len(nested) == 2
    assert {arrived["rec_" + each[4:]].output.name for each in nested} == {"inner"}


@pytest.mark.parametrize(("name", "error"), [("failed", "TimeoutError"), ("cancelled", "CancelledError")])
def test_outputs_that_did_not_complete_arrive_as_what_they_came_to(sealed, arrived, name, error):
    record = arrived[sealed.named(name).record_id]

    assert record.output.status == name
    assert record.output.error_type.endswith(error)
    assert len(record.sources) >= 3


def test_a_stream_arrives_with_what_was_delivered_of_it(sealed, arrived):
    streams = [each for each in sealed.records.values() if each.output.name == "stream"]
    found = [arrived[each.record_id].output for each in sorted(streams, key=lambda each: each.generated_at)]

    assert [(each.status, each.stream.chunks) for each in found] == [("completed", 5), ("closed_early", 1)]


def test_what_ended_after_its_output_is_in_the_record_that_is_assembled_from_all_of_it(sealed, arrived):
    record_id = sealed.named("late").record_id

    assert "record.extended" in sealed.kinds[record_id]
    assert [each.name for each in arrived[record_id].model_calls] == ["complete"]


def test_spans_that_come_before_their_output_make_an_extension_of_its_record(sealed, spans, arrived):
    record = sealed.named("late")
    output, steps = [], []
    for span in spans:
        if span.trace_id == record.trace.trace_id:
            (output if span.attributes.get(semconv.KIND) == semconv.KIND_OUTPUT else steps).append(span)

    assert [each.record_id for each in assemble(steps, {}).extensions] == [record.record_id]
    assert records_of([*steps, *output])[record.record_id] == arrived[record.record_id]


def test_every_span_that_is_lost_on_the_way_is_named(sealed, spans):
    """Whether others speak of it or not: a check, for one, that came to its verdict alone."""
    trace = sealed.named("answer").trace
    arrived = [span for span in spans if span.trace_id == trace.trace_id]

    assert len(arrived) == 6
    for lost in (span for span in arrived if span.span_id != trace.span_id):
        ((record, _),) = assemble([span for span in arrived if span is not lost], {}).records
        missing = [each.detail for each in record.completeness.reasons if each.reason == "span_missing"]
        assert missing == [f"act_{lost.key}"]


def test_what_the_sampler_dropped_was_sealed_and_did_not_arrive(sealed, spans, arrived):
    record = sealed.named(NOT_SENT)

    assert len(record.sources) == 3
    assert record.completeness.complete
    assert record.record_id not in arrived
    assert record.trace.trace_id not in {span.trace_id for span in spans}


def test_batches_in_another_order_and_twice_change_nothing(spans, arrived):
    shuffled = spans + random.Random(7).sample(spans, len(spans) // 2)
    random.Random(8).shuffle(shuffled)

    assert records_of(shuffled) == arrived
