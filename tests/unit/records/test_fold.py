"""What became known after a record was sealed, folded into it."""

import msgspec
from span_builder import act, arrows, ent, entity, local, one, out, rag, reasons, rec, span

from provsdk.assembly.assembler import assemble
from provsdk.records.fold import completeness, fold
from provsdk.records.record import Missing


def extension(spans, revision=1):
    (found,) = assemble(spans, {rec(): local(spans)}).extensions
    return msgspec.structs.replace(found, revision=revision)


def test_without_extensions_a_record_is_what_it_was():
    record = one(rag())

    assert fold(record, []) is record


def test_a_late_activity_stands_where_its_time_puts_it():
    spans = rag()
    late = span(9, "transformation", {"type": "filter"}, name="early", start=0)

    folded = fold(one(spans), [extension([late])])

    assert [each.name for each in folded.transformations] == ["early", "prompt"]


def test_a_span_that_was_missing_and_came_later_is_not_missing_any_more():
    spans = rag()
    chat = next(each for each in spans if each.name == "chat")
    before = one([each for each in spans if each is not chat], local(spans))

    folded = fold(before, [extension([chat])])

    assert reasons(before) == {"span_missing"}
    assert folded.completeness.complete
    assert [each.model for each in folded.model_calls] == ["m-1"]


def test_an_inferred_link_goes_when_a_late_edge_shows_the_way():
    spans = [
        span(1, "output", {"derived": [["out", ent(3), "identity"]]}),
        span(2, "source", {"entities": [entity(0)]}),
    ]
    late = span(3, "transformation", {"entities": [entity(0)], "derived": [[0, ent(2), "digest"]]})

    folded = fold(one(spans), [extension([late])])

    assert (out(), ent(2), "enclosing") in arrows(one(spans), "wasDerivedFrom")
    assert (out(), ent(2), "enclosing") not in arrows(folded, "wasDerivedFrom")


def test_what_the_record_says_is_not_replaced():
    other = span(2, "source", {"type": "api"}, name="somebody else")

    folded = fold(one(rag()), [extension([other])])

    assert [each.name for each in folded.sources] == ["handbook", "search"]


def test_the_order_of_extensions_does_not_matter():
    first, second = extension([span(9, "source", name="a")]), extension([span(9, "source", name="b")], 2)

    assert fold(one(rag()), [first, second]) == fold(one(rag()), [second, first])


def test_folding_the_same_extension_twice_is_folding_it_once():
    late = extension([span(9, "policy_check", {"used": [[ent(5), "identity"]]})])

    assert fold(one(rag()), [late, late]) == fold(one(rag()), [late])
    assert act(9) in {each.check_id for each in fold(one(rag()), [late]).policy_checks}


def test_what_is_missing_without_a_detail_comes_before_an_empty_one():
    said = [Missing(reason="facts_lost", detail=detail) for detail in ("", None)]

    assert completeness(said, set()) == completeness(said[::-1], set())
    assert [each.detail for each in completeness(said, set()).reasons] == [None, ""]
