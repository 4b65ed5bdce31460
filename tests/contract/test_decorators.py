"""The decorators keep the contract of callables, configured for real, in the middle of an output, and not at all."""

import pytest
from callable_contract import CallableContract

import provsdk
from provsdk import traced_model_call, traced_output, traced_source, traced_transform

DECORATORS = {
    "output": traced_output,
    "source": traced_source,
    "transform": traced_transform,
    "model call": traced_model_call,
    "output with rules": traced_output(name=lambda question: f"answer {question}", session=lambda times: f"s{times}"),
}


class DecoratorContract(CallableContract):
    @pytest.fixture(params=DECORATORS, autouse=True)
    def wrap(self, request):
        return DECORATORS[request.param]


class TestConfigured(DecoratorContract):
    @pytest.fixture(autouse=True)
    def _configured(self):
        provsdk.configure(service="contract")
        yield
        assert provsdk.flush()
        provsdk.shutdown()


class TestWithinAnOutput(DecoratorContract):
    @pytest.fixture(autouse=True)
    def _within_an_output(self):
        provsdk.configure(service="contract", durability="batch")
        with traced_output("outer"):
            yield
        provsdk.shutdown()


class TestNotConfigured(DecoratorContract):
    @pytest.fixture(autouse=True)
    def _not_configured(self, monkeypatch):
        monkeypatch.delenv("PROVSDK_STORE", raising=False)
        provsdk.shutdown()
