"""A provider that Phoenix or Langfuse made: it keeps its exporter, and its traces stay whole."""

from collections import Counter
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("their_provider.py")


@pytest.mark.parametrize("first", ["they", "we"])
@pytest.mark.parametrize("whose", ["phoenix", "phoenix apart", "langfuse"])
def test_what_arrives_is_what_would_arrive_without_us_but_for_our_spans(run, sink, whose, first):
    run(PROGRAM, sink.url, whose, "nobody", PROVSDK_DISABLED="1")
    without, sink.spans = parents(sink.spans), {}
    run(PROGRAM, sink.url, whose, first)
    beside = parents(sink.spans)
    ours = 0 if whose == "phoenix apart" else 2
    assert sum(count for (name, _), count in beside.items() if name == "ours-answer") == ours
    assert {pair: count for pair, count in beside.items() if "ours-answer" not in pair} == {
        pair: count for pair, count in without.items() if ours == 0 or pair[0] != "inside"
    }
    if ours:
        assert beside["inside", "ours-answer"] == 2
        assert beside["ours-answer", None] == beside["ours-answer", "request"] == 1


def parents(spans):
    """How often a span of that name stood below one of that name."""
    (sent,) = spans.values()
    names = {one.span_id: one.name for one in sent}
    assert all(not one.parent_id or one.parent_id in names for one in sent), "a parent that never arrived"
    return Counter((one.name, names.get(one.parent_id)) for one in sent)
