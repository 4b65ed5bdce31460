"""A group of exceptions is what all in it are: a timeout's cancellations, an interrupt, a check that withholds."""

import asyncio

import pytest
import trio

from provsdk import traced_output
from provsdk.errors import OutputBlocked

CANCELLED = asyncio.CancelledError()


@pytest.mark.parametrize(
    ("group", "status"),
    [
        (BaseExceptionGroup("all", [CANCELLED, CANCELLED]), "cancelled"),
        (BaseExceptionGroup("all", [BaseExceptionGroup("within", [KeyboardInterrupt()]), SystemExit(1)]), "cancelled"),
        (BaseExceptionGroup("some", [CANCELLED, ValueError()]), "failed"),
        (ExceptionGroup("none", [ValueError(), OSError()]), "failed"),
        (ExceptionGroup("all", [OutputBlocked(("pii",)), OutputBlocked(("term",))]), "blocked"),
        (ExceptionGroup("some", [OutputBlocked(("pii",)), ValueError()]), "failed"),
    ],
)
@pytest.mark.parametrize("kind", ["call", "stream"])
def test_a_group_is_what_all_in_it_are(plug, kept, group, status, kind):
    @traced_output("out")
    def call():
        raise group

    @traced_output("out")
    def stream():
        yield "one"
        raise group

    with pytest.raises(BaseExceptionGroup):
        call() if kind == "call" else list(stream())

    assert kept.said("out")["status"] == status
    assert kept.said("out")["error"].endswith("ExceptionGroup")


def test_a_nursery_that_runs_out_of_time_is_cancelled(plug, kept):
    @traced_output("fanout")
    async def fanout():
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(trio.sleep, 10)

    async def main():
        with trio.move_on_after(0.05) as scope:
            await fanout()
        assert scope.cancelled_caught

    trio.run(main)

    assert kept.said("fanout")["status"] == "cancelled"
