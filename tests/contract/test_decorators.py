"""The decorators and `bind` keep the contract of callables: configured, in the middle of an output, and not at all."""

import inspect
import pickle

import pytest
from callable_contract import LONG, CallableContract, FunctionContract, StreamContract, made_in, read, two_chunks

import provsdk
from provsdk import bind, traced_check, traced_model_call, traced_output, traced_source, traced_transform


def static(function):
    """As a static method, which is decorated in its class."""

    class Desk:
        answer = traced_output(staticmethod(function))

    return Desk.answer


def of_a_class(function):
    """As one of the public methods of a class that is decorated."""

    @traced_output
    class Desk:
        answer = staticmethod(function)

    return Desk().answer


DECORATORS = {
    "output": traced_output,
    "source": traced_source,
    "source of each": traced_source("each", each=True),
    "transform": traced_transform,
    "model call": traced_model_call,
    "output with rules": traced_output(name=lambda question: f"answer {question}", session=lambda times: f"s{times}"),
}
CHECKS = {
    "check": traced_check,
    "check with rules": traced_check("length", type="content_filter", result=lambda result: len(result) > 0),
}


class Decorators(StreamContract):
    @pytest.fixture(params=DECORATORS)
    def wrap(self, request):
        return DECORATORS[request.param]


class StaticMethods(Decorators):
    """What a class gives for one is its function, for whoever calls it; it has another place and gets no object."""

    @pytest.fixture(params=[static, of_a_class])
    def wrap(self, request):
        return request.param

    test_a_method_gets_its_object = None
    test_a_function_of_a_module_is_pickled_by_its_name = None


class Checks(FunctionContract):
    """A check answers once: it refuses to be a generator."""

    @pytest.fixture(params=CHECKS)
    def wrap(self, request):
        return CHECKS[request.param]


class Bind(CallableContract):
    """What is bound is read where it was made: `bind` refuses generators."""

    @pytest.fixture
    def wrap(self):
        return bind

    @pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL])
    async def test_what_comes_out_of_a_pickle_gives_the_same(self, kind, module, protocol):
        bound = bind(made_in(module, kind, two_chunks))
        for _ in range(2):
            bound = pickle.loads(pickle.dumps(bound, protocol))
            assert await read(kind, bound("a")) == "a" + LONG
            assert inspect.iscoroutinefunction(bound) == (kind == "coroutine")


class Configured:
    @pytest.fixture(autouse=True)
    def _configured(self):
        provsdk.configure(service="contract")
        yield
        assert provsdk.flush()
        provsdk.shutdown()


class WithinAnOutput:
    @pytest.fixture(autouse=True)
    def _within_an_output(self):
        provsdk.configure(service="contract", durability="batch")
        with traced_output("outer"):
            yield
        provsdk.shutdown()


class NotConfigured:
    @pytest.fixture(autouse=True)
    def _not_configured(self, monkeypatch):
        monkeypatch.delenv("PROVSDK_STORE", raising=False)
        provsdk.shutdown()


class TestDecoratorsConfigured(Configured, Decorators):
    """Each output is sealed before its caller has it."""


class TestDecoratorsWithinAnOutput(WithinAnOutput, Decorators):
    """Each call is a part of one record."""


class TestDecoratorsNotConfigured(NotConfigured, Decorators):
    """A decorator is a pass-through."""


class TestStaticMethodsConfigured(Configured, StaticMethods):
    """As above."""


class TestStaticMethodsNotConfigured(NotConfigured, StaticMethods):
    """As above."""


class TestChecksConfigured(Configured, Checks):
    """As above."""


class TestChecksWithinAnOutput(WithinAnOutput, Checks):
    """As above."""


class TestChecksNotConfigured(NotConfigured, Checks):
    """As above."""


class TestBindConfigured(Configured, Bind):
    """Bound outside any output."""


class TestBindWithinAnOutput(WithinAnOutput, Bind):
    """Bound in one, which the calls work for."""


class TestBindNotConfigured(NotConfigured, Bind):
    """`bind` is a pass-through."""
