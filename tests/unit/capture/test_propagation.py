"""The current output taken along by hand: bound functions, headers of messages, variables of an environment."""

import asyncio
import contextlib
import copy
import functools
import inspect
import logging
import pickle
import threading

import pytest
from opentelemetry import trace
from opentelemetry.propagators.textmap import Getter, Setter
from opentelemetry.sdk.trace import TracerProvider

import provsdk
from provsdk import bind, environment, extract, inject, semconv, traced_output, traced_source
from provsdk.capture import _guard, ports, propagation
from provsdk.capture._otel import current_activity, current_origin
from provsdk.errors import UnsupportedCallable
from provsdk.pipeline import running

LONG = "a sentence that is long enough to link something"


@traced_source("load")
def load():
    return LONG


@traced_output("out")
def output(function, *args):
    return function(*args)


@traced_output("received")
def received():
    return load()


@pytest.fixture
def captured(plug, kept):
    return kept


def in_a_thread(function, *args):
    """As a pool that nobody knows would run it."""
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(function(*args)))
    thread.start()
    thread.join()
    return outcome[0]


def record_of(kept, name):
    return kept.span(name).attributes.get(semconv.RECORD_ID)


def key_of(kept, name):
    context = kept.span(name).context
    return f"{context.trace_id:032x}-{context.span_id:016x}"


class TestBind:
    def test_a_bound_function_works_for_the_output_that_it_was_bound_in(self, captured):
        output(lambda: in_a_thread(bind(load)))

        assert record_of(captured, "load") == record_of(captured, "out")
        assert captured.missing() == []

    def test_arguments_and_results_go_through(self, captured):
        assert output(lambda: in_a_thread(bind(divmod), 7, 2)) == (3, 1)

    def test_what_it_raises_goes_through_and_nothing_stays_current(self, captured):
        def fails():
            raise LookupError("mine")

        bound = []
        output(lambda: bound.append(bind(fails)))
        with pytest.raises(LookupError, match="mine"):
            bound[0]()
        assert current_activity() is None

    def test_bound_outside_any_output_it_works_for_none(self, captured):
        bound = bind(load)
        output(bound)

        assert record_of(captured, "load") is None

    def test_within_another_output_it_still_works_for_its_own(self, captured):
        bound = []
        first = traced_output("first")(lambda: bound.append(bind(load)))
        first()
        output(bound[0])

        assert record_of(captured, "load") == record_of(captured, "first")
        assert [facts["record_id"] for facts in captured.late_facts] == [record_of(captured, "first")]

    async def test_a_coroutine_function_stays_one(self, captured):
        async def loads():
            await asyncio.sleep(0)
            return load()

        bound = []
        output(lambda: bound.append(bind(loads)))

        assert inspect.iscoroutinefunction(bound[0])
        assert await bound[0]() == LONG
        assert record_of(captured, "load") == record_of(captured, "out")
        assert current_activity() is None

    @pytest.mark.parametrize(
        "made",
        [
            lambda loads: type("Worker", (), {"__call__": lambda self: loads()})(),
            lambda loads: lambda _=None: loads(),
            functools.partial,
        ],
        ids=["object", "plain function", "partial"],
    )
    def test_what_gives_a_coroutine_is_bound_while_that_runs(self, captured, made):
        async def loads():
            await asyncio.sleep(0)
            return load()

        bound = []
        output(lambda: bound.append(bind(made(loads))))

        assert in_a_thread(lambda: asyncio.run(bound[0]())) == LONG
        assert record_of(captured, "load") == record_of(captured, "out")
        assert captured.missing() == []
        assert current_activity() is None

    def test_an_object_that_is_called_as_a_generator_is_refused_too(self, captured):
        class Reads:
            def __call__(self):
                yield load()

        with pytest.raises(UnsupportedCallable, match="Reads"):
            bind(Reads())

    async def test_a_bound_coroutine_may_be_closed_anywhere(self, captured, caplog):
        async def waits():
            await asyncio.sleep(10)

        bound = []
        output(lambda: bound.append(bind(waits)))
        coroutine = bound[0]()
        coroutine.send(None)
        in_a_thread(coroutine.close)

        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

    def test_it_looks_like_what_it_calls(self, captured):
        def named(a, b=1):
            """Says something."""

        bound = bind(named)
        assert (bound.__name__, inspect.signature(bound)) == ("named", inspect.signature(named))
        assert bound.__wrapped__ is named

    def test_a_copy_is_bound_as_well(self, captured):
        bound = []
        output(lambda: bound.append(bind(load)))
        in_a_thread(copy.copy(bound[0]))
        in_a_thread(copy.deepcopy(bound[0]))

        assert [span.attributes[semconv.RECORD_ID] for span in captured.spans if span.name == "load"] == (
            [record_of(captured, "out")] * 2
        )

    def test_a_bound_function_that_is_pickled_takes_ids_along_and_nothing_else(self, captured):
        pickled = []
        output(lambda: pickled.append(pickle.dumps(bind(arriving))))

        assert pickle.loads(pickled[0])() == (key_of(captured, "out"), key_of(captured, "out"))
        assert captured.said("out")["missing"] == [["handed_over", "pickle"]]

    async def test_a_bound_coroutine_function_that_is_pickled_takes_them_along_too(self, captured):
        pickled = []
        output(lambda: pickled.append(pickle.dumps(bind(arriving_later))))

        assert await pickle.loads(pickled[0])() == (key_of(captured, "out"), key_of(captured, "out"))
        assert current_origin() is None
        assert captured.said("out")["missing"] == [["handed_over", "pickle"]]

    def test_generators_are_refused(self, captured):
        def generator():
            yield

        async def async_generator():
            yield

        for one in (generator, async_generator):
            with pytest.raises(UnsupportedCallable, match="bind the function that reads it"):
                bind(one)

    def test_not_configured_it_is_the_function_itself(self):
        ports.unplug()
        assert bind(load) is load


def arriving():
    origin = current_origin()
    return origin.activity, origin.record


async def arriving_later():
    await asyncio.sleep(0)
    return arriving()


class TestHeaders:
    def test_what_is_made_of_a_message_names_the_activity_that_sent_it(self, captured):
        headers = {}
        output(inject, headers)
        with extract(headers):
            received()

        sender = key_of(captured, "out")
        assert captured.said("received")["remote_parent"] == [sender, sender]
        assert captured.span("received").attributes[semconv.PARENT] == sender
        assert captured.span("received").context.trace_id == captured.span("out").context.trace_id
        assert captured.span("received").parent.span_id == captured.span("out").context.span_id
        assert record_of(captured, "load") == record_of(captured, "received")
        assert "remote_parent" not in captured.said("load")

    def test_the_sender_says_that_work_went_away_once(self, captured):
        output(lambda: [inject({}) for _ in range(3)])

        assert captured.said("out")["missing"] == [["handed_over", "message"]]

    def test_headers_hold_ids_and_nothing_else(self, captured):
        headers = {}
        output(inject, headers)

        key = key_of(captured, "out")
        trace_id, span_id = key.split("-")
        assert headers == {
            "traceparent": f"00-{trace_id}-{span_id}-{captured.span('out').context.trace_flags:02x}",
            "provsdk-parent": f"act_{key};rec_{key}",
        }

    def test_a_step_that_sends_is_named_with_the_output_that_it_works_for(self, captured):
        headers = {}
        output(traced_source("step")(lambda: inject(headers)))

        assert headers["provsdk-parent"] == f"act_{key_of(captured, 'step')};rec_{key_of(captured, 'out')}"

    def test_a_step_outside_any_output_is_named_alone(self, captured):
        headers = {}
        traced_source("step")(lambda: inject(headers))()
        with extract(headers):
            received()

        assert headers["provsdk-parent"] == f"act_{key_of(captured, 'step')}"
        assert captured.said("received")["remote_parent"] == [key_of(captured, "step"), None]

    def test_outside_everything_nothing_is_written(self, captured):
        headers = {}
        inject(headers)

        assert headers == {}
        assert environment() == {}

    def test_a_step_in_the_receiver_leaves_a_span_below_the_sender_and_is_counted(self, captured):
        headers = {}
        output(inject, headers)

        @traced_output("meanwhile")
        def meanwhile():
            def receives():
                with extract(headers):
                    load()

            in_a_thread(receives)

        meanwhile()

        assert captured.span("load").attributes[semconv.PARENT] == key_of(captured, "out")
        assert captured.span("load").parent.span_id == captured.span("out").context.span_id
        assert record_of(captured, "load") is None
        assert captured.missing(1) == [("span_missing", "1 traced calls ran meanwhile outside any output")]

    def test_a_receiver_that_runs_in_an_output_does_the_messages_work_apart_from_it(self, captured):
        headers = {}
        output(inject, headers)

        @traced_output("around")
        def around():
            with extract(headers):
                received()
            load()

        around()

        assert "nested" not in captured.said("around")
        loads = [span.attributes[semconv.RECORD_ID] for span in captured.spans if span.name == "load"]
        assert loads == [record_of(captured, "received"), record_of(captured, "around")]

    def test_the_work_of_a_message_may_go_to_threads(self, captured):
        headers = {}
        output(inject, headers)
        propagation.automatic(threads=True, processes=False)
        with extract(headers):
            thread = threading.Thread(target=received)
            thread.start()
            thread.join()
        propagation.automatic(threads=False, processes=False)

        assert captured.said("received")["remote_parent"][0] == key_of(captured, "out")

    def test_a_message_is_handed_on_with_the_sender_in_it(self, captured):
        first, second = {}, {}
        output(inject, first)
        with extract(first):
            inject(second)

        assert second["provsdk-parent"] == first["provsdk-parent"]

    def test_a_span_that_the_receivers_own_tracing_made_current_stays_so(self, captured):
        headers = {}
        output(inject, headers)
        tracer = TracerProvider(shutdown_on_exit=False).get_tracer("theirs")
        with tracer.start_as_current_span("consume") as consume, extract(headers):
            assert trace.get_current_span() is consume
            received()

        assert captured.span("received").parent.span_id == consume.get_span_context().span_id
        assert captured.said("received")["remote_parent"][0] == key_of(captured, "out")

    def test_headers_of_a_sender_without_provsdk_still_share_the_trace(self, captured):
        with extract({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}):
            received()

        assert f"{captured.span('received').context.trace_id:032x}" == "a" * 32
        assert "remote_parent" not in captured.said("received")

    @pytest.mark.parametrize("text", ["", "nonsense", "act_1-2", f"act_{'a' * 32}-{'b' * 16};rec_", "act_" + "é" * 49])
    def test_headers_that_cannot_be_read_are_left_out_and_logged_once(self, captured, caplog, text):
        _guard.failures.clear()
        for _ in range(2):
            with extract({"provsdk-parent": text}):
                received()

        assert len([record for record in caplog.records if "provsdk-parent" in record.getMessage()]) == 1
        assert text == "" or text not in caplog.text
        assert all("remote_parent" not in span.attributes[semconv.FACTS] for span in captured.spans)

    def test_without_spans_in_the_users_tracing_no_traceparent_is_written_and_the_trace_is_shared_all_the_same(
        self, captured, plug
    ):
        plug(spans_current=False)
        headers = {}
        output(inject, headers)
        with extract(headers):
            assert not trace.get_current_span().get_span_context().is_valid
            received()

        assert list(headers) == ["provsdk-parent"]
        assert captured.span("received").context.trace_id == captured.span("out").context.trace_id

    def test_headers_that_are_no_mapping_go_by_a_getter_and_a_setter(self, captured):
        """As Kafka's: pairs of text and bytes."""

        class Pairs(Setter, Getter):
            def set(self, carrier, key, value):
                carrier.append((key, value.encode()))

            def get(self, carrier, key):
                return [value.decode() for name, value in carrier if name == key] or None

            def keys(self, carrier):
                return [name for name, _ in carrier]

        headers = []
        output(inject, headers, Pairs())
        with extract(headers, Pairs()):
            received()

        assert captured.said("received")["remote_parent"][0] == key_of(captured, "out")

    async def test_the_work_of_a_message_may_end_in_another_task(self, captured, caplog):
        headers = {}
        output(inject, headers)
        stack = contextlib.ExitStack()
        stack.enter_context(extract(headers))

        async def leaves():
            stack.close()
            received()

        await asyncio.create_task(leaves())

        assert "remote_parent" not in captured.said("received")
        assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


class TestEnvironment:
    def test_variables_are_the_headers_in_capitals(self, captured):
        found, headers = {}, {}
        output(lambda: (found.update(environment()), inject(headers)))

        assert found == {"TRACEPARENT": headers["traceparent"], "PROVSDK_PARENT": headers["provsdk-parent"]}
        assert captured.said("out")["missing"] == [["handed_over", "subprocess"], ["handed_over", "message"]]

    def test_they_are_no_settings(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PROVSDK_PARENT", "anything")

        provsdk.configure(store=tmp_path / "store")

        assert running().config.store == str(tmp_path / "store")
