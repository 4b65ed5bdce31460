"""A failure of ours never changes what the traced function returns or raises, unless that was asked for."""

import collections.abc
import itertools
import logging

import pytest

from provsdk import semconv, traced_model_call, traced_output, traced_source
from provsdk.capture import _guard, ports
from provsdk.capture._declared import check
from provsdk.errors import RecordNotSealed

LONG = "a sentence that is long enough to link something"


class Broken:
    """Every port at once, each failing."""

    id = "emi_broken"

    def __getattr__(self, name):
        raise ZeroDivisionError("secret")


@pytest.fixture
def broken(plug):
    settings = ports.current().settings

    def plugged(**replaced):
        working = plug()
        made = {"tracers": working, "durable": working, "emitter": ports.current().emitter, **replaced}
        ports.plug(ports.Ports(gate=ports.current().gate, settings=settings, **made))

    yield plugged
    _guard.failures.clear()


@pytest.mark.parametrize("port", ["tracers", "durable", "emitter"])
def test_a_failing_port_costs_the_record_and_nothing_else(broken, port, caplog):
    broken(**{port: Broken()})
    _guard.failures.clear()

    @traced_output("out")
    def answer(question):
        return question

    with caplog.at_level(logging.WARNING, "provsdk"):
        assert answer(LONG) == LONG
        assert answer(LONG) == LONG
    assert len(caplog.records) == len({one.getMessage() for one in caplog.records}), "once per place and kind"
    assert "secret" not in caplog.text
    assert set(_guard.failures.values()) == {2}


def test_the_functions_own_error_passes_through_a_failing_port(broken):
    broken(durable=Broken())

    @traced_output("out")
    def answer():
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        answer()


def test_on_failure_raise_says_what_failed(plug):
    plug(on_failure="raise")

    @traced_source("load", version=lambda result: result.nothing)
    def load():
        return LONG

    @traced_output("out")
    def answer():
        return load()

    with pytest.raises(AttributeError):
        answer()


def test_a_record_that_is_not_sealed_is_told_where_the_configuration_says_block(plug, kept):
    class NeverSealed:
        def wait(self):
            raise RecordNotSealed("not durable")

    kept.ticket = lambda span_context, facts: NeverSealed()

    @traced_output("out")
    def answer():
        return LONG

    with pytest.raises(RecordNotSealed):
        answer()


def test_the_current_activity_is_restored_after_every_outcome(plug):
    from provsdk.capture._otel import current_activity

    @traced_output("out")
    def answer(fail):
        assert current_activity() is not None
        if fail:
            raise LookupError

    answer(fail=False)
    assert current_activity() is None
    with pytest.raises(LookupError):
        answer(fail=True)
    assert current_activity() is None


class Unhashable(type):
    def __hash__(cls):
        raise RuntimeError("not even as a key")


@pytest.mark.parametrize("decorate", [traced_output, traced_model_call])
async def test_a_result_whose_class_cannot_be_looked_up_is_returned_all_the_same(plug, kept, decorate):
    class Odd(metaclass=Unhashable):
        pass

    odd = Odd()

    @traced_output("out")
    def answer():
        return decorate(lambda: odd)()

    @traced_output("later")
    async def later():
        return decorate(lambda: odd)()

    assert answer() is odd
    assert await later() is odd
    assert (kept.said("out")["status"], kept.said("later")["status"]) == ("completed", "completed")


class EndlessList(list):
    def __iter__(self):
        while True:
            yield 1


class EndlessDict(dict):
    def items(self):
        while True:
            yield "key", 1


class EndlessMapping(collections.abc.Mapping):
    def __getitem__(self, key):
        return 1

    def __len__(self):
        return 1

    def __iter__(self):
        return itertools.count()


def test_a_declared_value_whose_class_never_ends_ends_all_the_same(plug, kept):
    endless = {"a": EndlessList([3]), "b": EndlessDict(c=4)}
    assert check(semconv.KIND_TRANSFORMATION, "parameters", endless) == {"a": [3], "b": {"c": 4}}

    with traced_output("out") as out:
        out.add_transformation("by hand", parameters={"endless": EndlessMapping()})
    assert ["invalid_fact", "parameters"] in kept.said("by hand")["missing"]
