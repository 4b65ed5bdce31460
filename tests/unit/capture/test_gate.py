"""The gate port: asked before a value moves on, obeyed, sync and async alike."""

import pytest

from provsdk import traced_model_call, traced_output, traced_source
from provsdk.errors import OutputBlocked
from provsdk.gate import AlwaysProceed, Block, Hold, Proceed, Replace

LONG = "a sentence that is long enough to link something"


class Scripted(AlwaysProceed):
    """Gives the answer of its script for a stage, and remembers what it was asked."""

    always_proceeds = False

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def _answer(self, subject):
        self.asked.append((subject.stage, subject.name))
        return self.answers.get(subject.stage, Proceed())

    before_source = before_model = before_return = _answer

    async def _later(self, subject):
        return self._answer(subject)

    abefore_source = abefore_model = abefore_return = _later

    def after_seal(self, record_id):
        self.asked.append(("sealed", record_id[:4]))

    async def aafter_seal(self, record_id):
        self.after_seal(record_id)


@traced_source("load")
def load():
    return LONG


@traced_model_call("chat")
def chat(prompt):
    return "reply: " + prompt


@traced_output("out")
def answer():
    return chat(load())


@traced_source("load")
async def aload():
    return LONG


@traced_model_call("chat")
async def achat(prompt):
    return "reply: " + prompt


@traced_output("out")
async def aanswer():
    return await achat(await aload())


async def run(kind):
    return answer() if kind == "sync" else await aanswer()


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_it_is_asked_in_order_and_told_of_the_seal(plug, kind):
    gate = Scripted()
    plug(gate)
    assert await run(kind) == "reply: " + LONG
    assert gate.asked == [("source", "load"), ("model", "chat"), ("return", "out"), ("sealed", "rec_")]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_what_it_replaces_is_what_moves_on(plug, kind):
    plug(Scripted(source=Replace("[removed]"), **{"return": Replace("[all of it]")}))
    assert await run(kind) == "[all of it]"


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_it_may_replace_the_arguments_of_a_model_call(plug, kind):
    plug(Scripted(model=Replace((("other prompt",), {}))))
    assert await run(kind) == "reply: other prompt"


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("answer", [Block(("pii",)), Hold(1.0)])
async def test_what_it_blocks_or_holds_does_not_reach_the_caller_and_is_recorded(plug, kept, kind, answer):
    plug(Scripted(**{"return": answer}))
    with pytest.raises(OutputBlocked) as blocked:
        await run(kind)
    assert blocked.value.reasons
    assert kept.said("out")["status"] == "blocked"
    assert len(kept.facts) == 1
