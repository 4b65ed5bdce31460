"""Whatever runs anybody's code may run an output, our own threads too: nobody there waits for himself."""

import logging

import provsdk
from provsdk import traced_output
from provsdk.pipeline import running


def test_an_output_that_a_finalizer_makes_while_we_seal_is_sealed_without_a_wait(monkeypatch, caplog):
    provsdk.configure(service="finalizers", max_wait=0.5)
    store = running().store()
    append, made = store.append, []

    def collecting(*args, **kwargs):
        if not made:
            made.append(traced_output("from a finalizer")(lambda: "as the collector of garbage runs it")())
        return append(*args, **kwargs)

    monkeypatch.setattr(store, "append", collecting)
    with caplog.at_level(logging.WARNING):
        traced_output("answer")(lambda: "what the caller waits for")()
        assert provsdk.flush()

    assert sorted(one.name for one in store.summaries()) == ["answer", "from a finalizer"]
    assert caplog.records == []
