"""Drawings are valid whatever names hold, and draw broken what was not seen."""

import re

from provsdk.report.drawing import Arrow, dot, mermaid

LABELS = {"a": "answer", "b": 'a "file" <b>\\#1;</b>\x1b[31m\nend`'}
ARROWS = [
    Arrow("a", "b", "observed: identity", is_certain=True),
    Arrow("b", "a", "inferred: enclosing", is_certain=False),
]


def test_mermaid_numbers_values_and_escapes_what_it_would_read():
    head, first, second, *arrows = mermaid(LABELS.items(), ARROWS)

    assert head == "flowchart TD"
    assert first == '    n0["answer"]'
    assert re.fullmatch(r'    n1\["[^"<>\\`\x1b\n]*"\]', second)
    assert "#quot;file#quot;" in second
    assert arrows == [
        '    n0 -->|"observed: identity"| n1',
        '    n1 -.->|"inferred: enclosing"| n0',
    ]


def test_dot_escapes_quotation_marks_and_backslashes():
    lines = list(dot(LABELS.items(), ARROWS))

    assert (lines[0], lines[-1]) == ("digraph lineage {", "}")
    assert '    n0 -> n1 [label="observed: identity"];' in lines
    assert '    n1 -> n0 [label="inferred: enclosing", style=dashed];' in lines
    assert r"a \"file\" <b>\\#1;</b>" in lines[3]
