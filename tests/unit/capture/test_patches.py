"""Layers on methods of others: quiet when switched off, harmless when they fail, put on once."""

import importlib
import sys
import threading

import pytest
import wrapt

from provsdk import traced_output, traced_source
from provsdk.capture import _guard, _patches, propagation

LONG = "a sentence that is long enough to link something"


@traced_source("load")
def load():
    return LONG


@traced_output("out")
def output(function, *args):
    return function(*args)


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A module of somebody's that nobody has imported yet."""
    (tmp_path / "some_library.py").write_text("class Pool:\n    def run(self, *args): return args\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda: importlib.import_module("some_library")
    sys.modules.pop("some_library", None)


@pytest.fixture
def layer():
    switch = _patches.Switch()
    switch.on = True

    def prepare(held, instance, args, kwargs):
        if args == ("fail",):
            raise LookupError("ours")
        return ("prepared", *args), kwargs

    return switch, _patches.layer(("some_library", "Pool", "run"), switch, prepare)


def test_a_layer_waits_for_its_module_and_does_not_import_it(plug, library, layer):
    _patches.put_on((layer[1],))
    assert "some_library" not in sys.modules

    assert output(library().Pool().run, 1) == ("prepared", 1)


def test_a_layer_does_nothing_outside_any_output_and_nothing_when_switched_off(plug, library, layer):
    switch, one = layer
    _patches.put_on((one,))
    pool = library().Pool()

    assert pool.run(1) == (1,)
    switch.on = False
    assert output(pool.run, 1) == (1,)


def test_a_layer_that_fails_calls_through_and_is_logged_once(plug, library, layer, caplog):
    _guard.failures.clear()
    _patches.put_on((layer[1],))
    pool = library().Pool()

    assert [output(pool.run, "fail") for _ in range(2)] == [("fail",)] * 2
    assert len([record for record in caplog.records if "Pool.run" in record.getMessage()]) == 1


def test_a_layer_is_put_on_once_and_again_where_it_was_peeled_off(plug, library, layer):
    pool = library().Pool
    bare = vars(pool)["run"]
    for _ in range(3):
        _patches.put_on((layer[1],))
    assert vars(pool)["run"].__wrapped__ is bare

    pool.run = bare
    _patches.put_on((layer[1],))
    assert output(pool().run, 1) == ("prepared", 1)


def test_a_layer_under_another_one_is_seen_and_not_put_on_again(plug, library, layer):
    pool = library().Pool
    _patches.put_on((layer[1],))
    wrapt.wrap_function_wrapper(pool, "run", lambda wrapped, instance, args, kwargs: wrapped(*args, **kwargs))
    outermost = vars(pool)["run"]
    _patches.put_on((layer[1],))

    assert vars(pool)["run"] is outermost


def test_a_thread_that_lets_nobody_set_its_run_works_as_ever_and_the_record_says_what_it_misses(plug, kept, caplog):
    class Stubborn(threading.Thread):
        def __setattr__(self, name, value):
            if name == "run":
                raise AttributeError(name)
            super().__setattr__(name, value)

    def starts():
        thread = Stubborn(target=load)
        thread.start()
        thread.join()

    _guard.failures.clear()
    propagation.automatic(threads=True, processes=False)
    output(starts)
    propagation.automatic(threads=False, processes=False)

    assert kept.span("load").end_time is not None
    assert kept.missing() == [
        ("capture_failed", "work elsewhere"),
        ("span_missing", "1 traced calls ran meanwhile outside any output"),
    ]
    assert "take an output along into a thread" in caplog.text
