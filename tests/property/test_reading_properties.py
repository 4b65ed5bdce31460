"""Whatever a model API, a mock or an attacker hands over: reading it raises nothing, and says what a span may hold."""

import copy
import json
import re
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from provsdk.capture._chunks import Chunks
from provsdk.capture._request import settings_of
from provsdk.capture._responses import answers_of, read

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes" / "model_apis"))

from recorded import CHAT, CHAT_CHUNKS, MESSAGE, MESSAGE_EVENTS, RESPONSE, RESPONSE_EVENTS

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def paths(value, above=()):
    """Every place in a body."""
    yield above
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from paths(each, (*above, key))


@st.composite
def damaged(draw, bodies):
    """A recorded body in which one place holds something else."""
    body = copy.deepcopy(draw(st.sampled_from(bodies)))
    path = draw(st.sampled_from([each for each in paths(body) if each]))
    held = body
    for key in path[:-1]:
        held = held[key]
    held[path[-1]] = draw(anything)
    return body


def on_a_span(said):
    """What of the facts goes on a span as it is."""
    calls = [{"name": call.name, "id": call.id} for call in said.get("tool_calls", ())]
    return {**said, "tool_calls": calls}


def is_harmless(said):
    words = re.compile(r"[!-~]{1,256}")
    for value in said.values():
        for each in value if isinstance(value, list) else [value]:
            texts = [text for text in each.values() if text is not None] if isinstance(each, dict) else [each]
            if not all(type(text) is int or words.fullmatch(text) for text in texts):
                return False
    return bool(json.dumps(said))


@given(damaged([CHAT, RESPONSE, MESSAGE]) | anything)
def test_a_response_of_any_shape_is_read_to_counts_and_identifiers(response):
    assert is_harmless(on_a_span(read(response)))
    answers_of(response)


@given(st.lists(damaged([*CHAT_CHUNKS, *MESSAGE_EVENTS, *RESPONSE_EVENTS]) | anything, max_size=8))
def test_chunks_of_any_shape_are_folded_to_counts_and_identifiers(chunks):
    found = Chunks()
    for chunk in chunks:
        found.add(chunk)

    assert is_harmless(on_a_span(found.said()))
    assert all(isinstance(text, str) for text in found.texts())


@given(st.dictionaries(st.sampled_from(["temperature", "tools", "stop", "reasoning", "tool_choice", "n"]), anything))
def test_settings_of_any_shape_are_read_to_plain_values(arguments):
    found = settings_of(arguments.items())

    assert found.keys() <= arguments.keys()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
