"""The tree goes from the output to its causes, says how each step is known, and ends whatever the graph is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace
from rich.console import Console

from provsdk.questions.across import Joined
from provsdk.records import graph
from provsdk.records.record import Stream
from provsdk.report.lineage import STEPS_AT_MOST, lineage_json, lineage_tree
from provsdk.report.lineage import lineage as lineage_across

STREAM = Stream(chunks=5, boundary="generator", first_chunk_us=20)


def lineage(record, depth=-1, **how):
    return lineage_across(Joined((record,), (), (), cut=False), depth, **how)


def screen(root, width=80):
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        console.print(lineage_tree(root))
    return [line.rstrip() for line in captured.get().splitlines()]


def count(node):
    return 1 + sum(count(cause) for cause in node.causes)


def depth(node):
    return 1 + max((depth(cause) for cause in node.causes), default=0)


def test_the_tree_reads_from_effect_to_cause(build):
    assert screen(lineage(build.record())) == [
        "support-answer",
        "├── result of chat · observed: identity",
        "│   ├── wrapt/README.rst · source, file · given to chat",
        "│   └── argument prompt · given to chat",
        "└── orders · source, database · inferred: enclosing",
    ]


def loaded(build, names):
    """A record of an output that goes back to none of these sources, as far as is known."""
    first = build.record().sources[0]
    sources = [replace(first, source_id=build.entity(20 + n, 0), name=name) for n, name in enumerate(names)]
    flow = build.edges(*((build.out, one.source_id, "wasDerivedFrom", "enclosing") for one in sources))
    return replace(build.record(flow=flow), sources=sources)


def test_many_sources_that_were_only_loaded_have_one_line(build):
    record = loaded(build, ["rules.md", "prices.md", "rules.md", "hours.md", "staff.md"])

    assert screen(lineage(record), 120) == [
        "support-answer",
        "└── 5 sources that were loaded meanwhile · hours.md, prices.md, rules.md, … · inferred: enclosing",
    ]
    assert len(lineage_json(lineage(record))["causes"]) == 5


def test_a_few_sources_that_were_only_loaded_have_a_line_each(build):
    lines = screen(lineage(loaded(build, ["rules.md", "prices.md", "hours.md"])))

    assert lines[1:] == [
        "├── hours.md · source, file · inferred: enclosing",
        "├── prices.md · source, file · inferred: enclosing",
        "└── rules.md · source, file · inferred: enclosing",
    ]


def test_falling_back_is_marked(build):
    result, _ = lineage(build.record()).causes

    assert [(cause.relation, cause.fallback, cause.activity) for cause in result.causes] == [("used", True, "chat")] * 2


def test_a_depth_cuts_and_says_so(build):
    assert screen(lineage(build.record(), 1)) == [
        "support-answer",
        "├── result of chat · observed: identity",
        "│   └── … further back: --depth",
        "└── orders · source, database · inferred: enclosing",
    ]


def test_what_stands_there_already_is_not_drawn_again(build):
    shared, first, second = build.entity(9, 0), build.entity(8, 0), build.entity(8, 1)
    record = build.record(
        flow=build.edges(
            (build.out, first, "wasDerivedFrom", "identity"),
            (build.out, second, "wasDerivedFrom", "identity"),
            (first, shared, "wasDerivedFrom", "digest"),
            (second, shared, "wasDerivedFrom", "digest"),
            (shared, build.entity(1, 0), "wasDerivedFrom", "explicit"),
        )
    )

    one, two = lineage(record).causes

    assert [cause.repeated for cause in (*one.causes, *two.causes)] == [False, True]
    assert two.causes[0].causes == ()


def test_an_output_with_a_record_of_its_own_is_named_so(build):
    nested = "out_" + "1" * 32 + "-" + "2" * 16
    record = build.record(
        flow=build.edges(
            (build.out, nested, "wasDerivedFrom", "identity"),
            (nested, nested.replace("out_", "act_"), "wasGeneratedBy", "identity"),
        )
    )

    assert screen(lineage(record), 120)[1] == f"└── nested output {nested} · observed: identity"


def test_an_element_of_a_source_counts_as_source(build):
    element = build.changed(build.record().output.arguments[0], entity_id=build.entity(1, 5), role="element", name="3")
    record = build.record(
        sources=[build.source(1, elements=[element])],
        flow=build.edges((build.out, build.entity(1, 5), "wasDerivedFrom", "identity")),
    )

    assert screen(lineage(record))[1] == "└── wrapt/README.rst: 3 · source, file · observed: identity"


@pytest.mark.parametrize(
    ("name", "stream", "said"),
    [
        ("3", STREAM, "a chunk of chat"),
        ("3", UNSET, "result of chat[3]"),
        ("0.title", UNSET, "result of chat[0].title"),
        ("1.2", UNSET, "result of chat[1][2]"),
        ("text", STREAM, "result of chat: text"),
    ],
)
def test_a_part_of_a_result_is_named_by_its_place_and_a_chunk_by_no_number(build, name, stream, said):
    (whole,) = build.model_call(3).results
    part = build.changed(whole, entity_id=build.entity(3, 7), role="element", name=name)
    record = build.record(
        model_calls=[build.model_call(3, results=[whole, part], stream=stream)],
        flow=build.edges((build.out, build.entity(3, 7), "wasDerivedFrom", "identity")),
    )

    assert screen(lineage(record))[1] == f"└── {said} · observed: identity"


def test_nothing_known_is_said(build):
    assert "nothing is known" in screen(lineage(build.record(flow=[])))[1]


def test_json_has_every_step_with_its_basis(build):
    tree = lineage_json(lineage(build.record()))

    assert (tree["id"], tree["relation"], tree["basis"]) == (build.out, None, None)
    assert [(cause["relation"], cause["basis"], cause["strength"]) for cause in tree["causes"]] == [
        ("wasDerivedFrom", "identity", "observed"),
        ("wasDerivedFrom", "enclosing", "inferred"),
    ]


def test_hostile_names_are_inert(build):
    record = build.record(output=build.changed(build.record().output, name="\x1b[2J[bold]\u202ex"))

    assert screen(lineage(record))[0] == "\ufffd[2J[bold]\ufffdx"


@pytest.mark.parametrize("shape", ["chain", "fan", "ladder"])
def test_large_graphs_are_bounded(build, shape):
    """A chain of thousands, a fan of thousands, a ladder with 2^40 paths."""
    value = {n: build.entity(1, n) for n in range(5_000)} | {-1: build.out}
    edges = {
        "chain": [(value[n - 1], value[n]) for n in range(5_000)],
        "fan": [(build.out, value[n]) for n in range(5_000)],
        "ladder": [(build.out, value[0]), (build.out, value[1])]
        + [(value[n + a], value[n + 2 + b]) for n in range(0, 80, 2) for a in (0, 1) for b in (0, 1)],
    }[shape]
    record = build.record(flow=build.edges(*((a, b, "wasDerivedFrom", "identity") for a, b in edges)))

    root = lineage(record)

    assert count(root) <= graph.MAX_NODES + 1
    assert depth(root) <= STEPS_AT_MOST + 1
    assert screen(root)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 6), st.integers(-1, 6)), max_size=20))
def test_any_graph_ends(build, arrows):
    name = {n: build.entity(1, n) for n in range(7)} | {-1: build.out}
    record = build.record(flow=build.edges(*((name[a], name[b], "wasDerivedFrom", "digest") for a, b in set(arrows))))

    root = lineage(record)

    reachable = {build.out}
    while more := {name[b] for a, b in arrows if name[a] in reachable} - reachable:
        reachable |= more
    assert ids(root) == reachable


def ids(node):
    return {node.id}.union(*(ids(cause) for cause in node.causes))
