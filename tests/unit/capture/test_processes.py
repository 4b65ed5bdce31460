"""What a child process gets from us, and what the record of its parent says; whole runs are in `tests/e2e`."""

import os
import platform
import subprocess
from collections import ChainMap

import pytest

from provsdk import traced_output, traced_transform
from provsdk.capture import _origin, propagation

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs the command env")


NOT_LINKED = [("handed_over", "subprocess, not linked")]


@traced_output("out")
def output(function, *args):
    return function(*args)


@pytest.fixture
def captured(plug, kept):
    propagation.automatic(threads=False, processes=True)
    yield kept
    propagation.automatic(threads=False, processes=False)


def variables(*args, **named):
    """The environment that a child process finds."""
    named |= {} if args else {"stdout": subprocess.PIPE}
    with subprocess.Popen(["env", "-0"], *args, **named) as process:
        text = process.communicate()[0].decode()
    return dict(each.split("=", 1) for each in text.split("\0") if each)


def test_a_child_inherits_what_was_set_and_taken_away_behind_pythons_back(captured, monkeypatch):
    monkeypatch.setenv("TAKEN_AWAY_IN_C", "1")
    os.unsetenv("TAKEN_AWAY_IN_C")
    os.putenv("SET_IN_C", "1")
    try:
        found = output(variables)
    finally:
        os.unsetenv("SET_IN_C")

    assert found["SET_IN_C"] == "1"
    assert "TAKEN_AWAY_IN_C" not in found


def test_a_child_inherits_the_environment_and_whose_work_it_does(captured):
    found = output(variables)

    key = captured.span("out").context
    ours = f"{key.trace_id:032x}-{key.span_id:016x}"
    assert found.pop("PROVSDK_PARENT") == f"act_{ours};rec_{ours}"
    assert found.pop("TRACEPARENT") == f"00-{ours}-{key.trace_flags:02x}"
    assert found == variables()
    assert captured.said("out")["missing"] == [["handed_over", "subprocess"]]


def test_without_spans_in_the_users_tracing_there_is_no_traceparent(captured, plug):
    plug(spans_current=False)

    found = output(variables)

    assert "PROVSDK_PARENT" in found
    assert "TRACEPARENT" not in found


def test_an_environment_that_the_caller_made_is_not_touched(captured):
    mine = {"PATH": os.environ["PATH"], "MINE": "1"}

    assert output(lambda: variables(env=mine)) == mine
    assert output(lambda: variables(-1, None, None, subprocess.PIPE, None, None, True, False, None, mine)) == mine
    assert [captured.missing(n) for n in range(2)] == [NOT_LINKED] * 2
    assert all('"handed_over","subprocess, not linked"' in span.attributes["provsdk.facts"] for span in captured.spans)


@pytest.mark.parametrize("mine", [os.environ, os.environb, ChainMap({}, os.environ)], ids=["text", "bytes", "chained"])
def test_the_programs_own_environment_given_by_hand_says_nobody(captured, mine):
    output(lambda: variables(env=mine))
    output(lambda: waited(os.posix_spawn("/bin/true", ["true"], mine)))

    assert [captured.missing(n) for n in range(2)] == [NOT_LINKED] * 2


def test_a_child_of_which_we_could_not_tell_is_said_to_be_missing(captured, monkeypatch):
    monkeypatch.setattr(_origin, "is_told", lambda environment, found: 1 / 0)

    output(variables)

    assert captured.missing() == [("capture_failed", "work elsewhere")]


def test_who_wants_to_be_told_of_our_faults_is(captured, plug, monkeypatch):
    plug(on_failure="raise")
    monkeypatch.setattr(_origin, "is_told", lambda environment, found: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        output(variables)


def test_an_environment_that_says_whose_work_it_is_links_the_child(captured):
    output(lambda: variables(env={**os.environ, **propagation.environment()}))
    output(lambda: variables(env={os.fsencode(k): os.fsencode(v) for k, v in propagation.environment().items()}))
    output(lambda: variables(env=traced_transform("step")(propagation.environment)()))

    assert [captured.missing(n) for n in range(3)] == [[("handed_over", "subprocess")]] * 3


def test_an_environment_that_says_another_output_does_not(captured):
    """As where it was made once, for all that come."""
    others = output(propagation.environment)

    output(lambda: variables(env={**os.environ, **others}))

    assert captured.missing(1) == NOT_LINKED


def test_an_environment_given_by_position_as_none_is_the_callers_none(captured):
    found = output(lambda: variables(-1, None, None, subprocess.PIPE, None, None, True, False, None, None))

    assert "PROVSDK_PARENT" in found
    assert captured.missing() == [("handed_over", "subprocess")]


def waited(pid):
    assert os.waitpid(pid, 0)[1] == 0


BARE = {
    "system": lambda: os.system("true"),
    "posix_spawn": lambda: waited(os.posix_spawn("/bin/true", ["true"], dict(os.environ))),
    "posix_spawnp": lambda: waited(os.posix_spawnp("true", ["true"], dict(os.environ))),
    "spawnv": lambda: os.spawnv(os.P_WAIT, "/bin/true", ["true"]),
    "spawnve": lambda: os.spawnve(os.P_WAIT, "/bin/true", ["true"], dict(os.environ)),
    "spawnlp": lambda: os.spawnlp(os.P_WAIT, "true", "true"),
    "spawnle": lambda: os.spawnle(os.P_WAIT, "/bin/true", "true", dict(os.environ)),
}


@pytest.mark.parametrize("processes", [True, False], ids=["switched on", "switched off"])
@pytest.mark.parametrize("way", BARE)
def test_what_cannot_be_told_is_said_not_to_be_linked(captured, way, processes):
    propagation.automatic(threads=False, processes=processes)

    output(BARE[way])

    assert captured.missing() == NOT_LINKED


def test_a_spawned_program_whose_environment_says_whose_work_it_is_is_linked(captured):
    told = lambda: {**os.environ, **propagation.environment()}  # noqa: E731
    output(lambda: waited(os.posix_spawn("/bin/true", ["true"], told())))
    output(lambda: os.spawnve(os.P_WAIT, "/bin/true", ["true"], told()))

    assert [captured.missing(n) for n in range(2)] == [[("handed_over", "subprocess")]] * 2


@pytest.mark.parametrize(
    "way", [lambda: os.popen("true").close(), lambda: waited(os.forkpty()[0] or os._exit(0))], ids=["popen", "forkpty"]
)
def test_other_ways_of_the_standard_library_come_by_these(captured, way):
    output(way)

    (reason,) = captured.missing()
    assert reason in {("handed_over", "subprocess"), ("handed_over", "fork")}


def test_what_the_standard_library_asks_about_the_machine_is_nobodys_work(captured):
    """Model clients ask for the processor at their first request, and with that start `uname`."""
    answer = output(lambda: platform.uname_result("Linux", "host", "6", "1", "x86_64").processor)

    assert answer is not None
    assert "missing" not in captured.said("out")


def test_outside_any_output_and_switched_off_a_child_is_told_nothing(captured):
    assert not {"PROVSDK_PARENT", "TRACEPARENT"} & variables().keys()
    propagation.automatic(threads=False, processes=False)
    assert output(variables) == variables()
    assert captured.missing() == NOT_LINKED


def test_a_fault_of_ours_costs_the_child_nothing(captured, monkeypatch):
    monkeypatch.setattr(_origin, "as_variables", lambda found: 1 / 0)

    assert output(variables) == variables()
