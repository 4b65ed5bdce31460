"""A source's link is the strongest path from the output to it, and never more than its weakest edge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provsdk.questions.links import links, reach, spread, strength
from provsdk.records.flow import Causes
from provsdk.vocabulary import Basis


def link_of(build, *edges, sources=None):
    record = build.record(sources=sources or [build.source(1)], flow=build.edges(*edges))
    found = links(record)[build.entity(1, 0)]
    return found.strength, found.basis, found.steps


@pytest.mark.parametrize(
    ("basis", "expected"),
    [
        ("identity", "observed"),
        ("digest", "observed"),
        ("containment", "observed"),
        ("quotation", "observed"),
        ("explicit", "declared"),
        ("enclosing", "inferred"),
        ("telepathy", "inferred"),
    ],
)
def test_strength_says_how_a_basis_is_known(basis, expected):
    assert strength(basis) == expected


def test_a_direct_edge_links_by_its_basis(build):
    assert link_of(build, (build.out, build.entity(1, 0), "wasDerivedFrom", "digest")) == ("observed", "digest", 1)


def test_a_path_is_as_strong_as_its_weakest_edge(build):
    step = build.entity(2, 0)

    found = link_of(
        build,
        (build.out, step, "wasDerivedFrom", "identity"),
        (step, build.entity(1, 0), "wasDerivedFrom", "explicit"),
    )

    assert found == ("declared", "explicit", 2)


def test_of_two_edges_that_were_seen_the_one_that_says_less_is_named(build):
    step = build.entity(2, 0)

    found = link_of(
        build,
        (build.out, step, "wasDerivedFrom", "identity"),
        (step, build.entity(1, 0), "wasDerivedFrom", "quotation"),
    )

    assert found == ("observed", "quotation", 2)


def test_a_quotation_does_not_hide_what_was_given(build):
    """That an answer repeats one source does not say that it owes nothing to another."""
    call = build.entity(1, 0).replace("ent_", "act_").rpartition("-")[0]
    other = build.entity(3, 0)

    found = link_of(
        build,
        (build.out, call, "wasGeneratedBy", "identity"),
        (build.out, other, "wasDerivedFrom", "quotation"),
        (call, build.entity(1, 0), "used", "identity"),
    )

    assert found[0] == "given"


def test_the_strongest_of_several_paths_counts(build):
    step = build.entity(2, 0)

    found = link_of(
        build,
        (build.out, build.entity(1, 0), "wasDerivedFrom", "explicit"),
        (build.out, step, "wasDerivedFrom", "identity"),
        (step, build.entity(1, 0), "wasDerivedFrom", "digest"),
    )

    assert found[0] == "observed"


def test_enclosing_is_inferred(build):
    found = link_of(build, (build.out, build.entity(1, 0), "wasDerivedFrom", "enclosing"))

    assert found == ("inferred", "enclosing", 1)


def test_receiving_is_not_shaping(build):
    """Where the value could not be examined, what its activity was given links, and weakly."""
    value = build.entity(3, 0)

    found = link_of(
        build,
        (build.out, value, "wasDerivedFrom", "identity"),
        (value, build.activity(3), "wasGeneratedBy", "identity"),
        (build.activity(3), build.entity(1, 0), "used", "identity"),
    )

    assert found == ("given", None, 2)


def test_what_was_derived_hides_what_was_merely_given(build):
    found = link_of(
        build,
        (build.out, build.entity(2, 0), "wasDerivedFrom", "identity"),
        (build.out, build.activity(3), "wasGeneratedBy", "identity"),
        (build.activity(3), build.entity(1, 0), "used", "identity"),
    )

    assert found == ("none", None, 0)


def test_an_element_links_its_source(build):
    element = build.record().output.arguments[0]
    source = build.source(1, elements=[build.changed(element, entity_id=build.entity(1, 5))])

    found = link_of(build, (build.out, build.entity(1, 5), "wasDerivedFrom", "identity"), sources=[source])

    assert found == ("observed", "identity", 1)


def test_cycles_end(build):
    one, two = build.entity(2, 0), build.entity(2, 1)

    found = link_of(
        build,
        (build.out, one, "wasDerivedFrom", "identity"),
        (one, two, "wasDerivedFrom", "identity"),
        (two, one, "wasDerivedFrom", "identity"),
    )

    assert found[0] == "none"


VALUES = [f"ent_{n}" for n in range(6)]
ARROWS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES), st.just("wasDerivedFrom"), st.sampled_from(Basis)),
        st.tuples(st.sampled_from(["act_1", "act_2"]), st.sampled_from(VALUES), st.just("used"), st.just("identity")),
        st.tuples(
            st.sampled_from(VALUES), st.sampled_from(["act_1", "act_2"]), st.just("wasGeneratedBy"), st.just("identity")
        ),
    ),
    max_size=20,
)


@given(ARROWS, st.sampled_from(VALUES))
def test_from_cause_to_effect_is_as_strong_as_from_effect_to_cause(arrows, cause):
    causes = Causes(arrows)
    found = spread(causes, [cause])

    for effect in VALUES:
        back = reach(causes, effect).get(cause)
        assert (effect in found) == (back is not None)
        assert back is None or found[effect].strength == back.strength
