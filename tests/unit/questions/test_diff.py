"""What was not the same when two outputs were made, the likeliest cause first; texts by their digests."""

import msgspec
import pytest

from provsdk import traced_model_call, traced_output, traced_source, traced_transform
from provsdk.questions.diff import KINDS, diff
from provsdk.records.record import Entity, Prompt
from provsdk.testing import captured_records

OTHER = {"digest": "sha256:" + "ef" * 32, "join_digest": "hmac-sha256:0011223344556677:" + "ef" * 32}


def changed(item, **changes):
    return msgspec.structs.replace(item, **changes)


def found(first, second):
    return [(one.kind, one.what, one.first, one.second) for one in diff(first, second)]


def test_equal_records_do_not_differ(build):
    assert diff(build.record(), build.record()) == ()


def test_ids_and_times_are_no_differences(build):
    ids = {one.source_id for one in build.record().sources}
    other = build.record(
        record_id="rec_" + "9" * 32 + "-" + "9" * 16,
        generated_at=build.at(9_000_000),
        sources=[
            changed(one, source_id=one.source_id + "9", retrieved_at=build.at(1)) for one in build.record().sources
        ],
        flow=[changed(edge, to=edge.to + "9") if edge.to in ids else edge for edge in build.record().flow],
    )

    assert diff(build.record(), other) == ()


def test_what_it_was_called_with(build):
    question = Entity(entity_id="ent_a", role="argument", name="question", size_bytes=20, media_type="text/plain")
    first = build.record(output=changed(build.record().output, arguments=[changed(question, **OTHER)]))
    second = build.record(
        output=changed(build.record().output, arguments=[changed(question, digest="sha256:" + "0" * 64)])
    )
    without = build.record(output=changed(build.record().output, arguments=[]))

    assert found(first, second) == [("input", "question", "efefefefefef (20 B)", "000000000000 (20 B)")]
    assert found(first, without) == [("input", "question", "efefefefefef (20 B)", None)]


def test_sources_that_were_added_are_gone_or_changed(build):
    readme, orders = build.record().sources
    newer = changed(readme, version="2.6.0", **OTHER)
    silently = changed(readme, **OTHER)
    extra = build.source(7, name="terms", location="docs/terms.md", version=None)
    base = build.record()

    assert found(base, build.record(sources=[readme])) == [
        ("not linked", "sources: postgres://db/orders", "cdcdcdcdcdcd (12345 B)".replace("cd" * 6, "ab" * 6), None)
    ]
    assert found(base, build.record(sources=[newer, orders])) == [
        ("sources", readme.location, "version 2.5.2, abababababab (12345 B)", "version 2.6.0, efefefefefef (12345 B)")
    ]
    (same_version,) = diff(base, build.record(sources=[silently, orders]))
    assert (same_version.first.split(",")[0], same_version.second.split(",")[0]) == ("version 2.5.2", "version 2.5.2")
    assert [(one.what, one.first) for one in diff(base, build.record(sources=[readme, orders, extra]))] == [
        ("sources: docs/terms.md", None)
    ]


def test_sources_of_one_place_go_with_those_that_are_like_them(build):
    first, second = (build.source(n, name=name) for n, name in ((1, "orders"), (2, "returns")))
    base = build.record(sources=[first, second])

    assert found(base, build.record(sources=[second, first])) == []
    assert found(base, build.record(sources=[changed(second, **OTHER), first])) == [
        ("sources", first.location, "version 2.5.2, abababababab (12345 B)", "version 2.5.2, efefefefefef (12345 B)")
    ]
    assert found(base, build.record(sources=[second])) == [
        ("sources", first.location, "version 2.5.2, abababababab (12345 B)", None)
    ]


def test_prompt_model_and_settings(build):
    (call,) = build.record().model_calls
    prompt = Prompt(name="support", version="1", template=Entity(entity_id="ent_t", role="template", **OTHER))
    first = changed(call, prompt=prompt)
    second = changed(
        call,
        prompt=changed(
            prompt, version="2", template=changed(prompt.template, join_digest=None, digest="sha256:" + "1" * 64)
        ),
        model="gpt-6",
        response_model="gpt-6-2027",
        parameters={"temperature": 0.9, "max_tokens": 400},
        arguments=[changed(call.arguments[0], size_bytes=99, **OTHER)],
    )

    assert [
        (kind, what) for kind, what, *_ in found(build.record(model_calls=[first]), build.record(model_calls=[second]))
    ] == [
        ("prompt", "chat: template's version"),
        ("prompt", "chat: template's text"),
        ("prompt", "chat: prompt"),
        ("model", "chat"),
        ("model", "chat: what answered"),
        ("settings", "chat: temperature"),
    ]


def test_a_call_more_is_named_by_its_number(build):
    (call,) = build.record().model_calls
    twice = build.record(model_calls=[call, call])

    assert found(build.record(), twice) == [("model", "chat 2", None, "openai/gpt-5-mini")]


def test_steps_code_environment_and_checks(build):
    base = build.record()
    (step,), (check,) = base.transformations, base.policy_checks
    other = build.record(
        transformations=[changed(step, version="2", parameters={"keep": 5}), changed(step, name="merge")],
        environment={"service.name": "support", "python": "3.12.1", "code.app.answer": "sha256:" + "0" * 64},
        policy_checks=[changed(check, result="fail")],
    )

    assert found(base, other) == [
        ("settings", "rank: keep", "3", "5"),
        ("steps", "merge: how often", "0", "1"),
        ("steps", "rank: version", "1", "2"),
        ("code", "app.answer", None, "sha256:" + "0" * 64),
        ("environment", "python", "3.11.7", "3.12.1"),
        ("checks", "no personal data", "pass", "fail"),
    ]


def test_the_outputs_themselves_come_last(build):
    base = build.record()
    other = build.record(output=changed(base.output, status="failed", **OTHER), sources=[])

    kinds = [one.kind for one in diff(base, other)]

    assert kinds == sorted(kinds, key=KINDS.index)
    assert [one.what for one in diff(base, other)][-2:] == ["status", "value"]


@pytest.mark.parametrize("name", ["digest", "join_digest"])
def test_values_are_compared_by_a_digest_that_both_have(build, name):
    base = build.record()
    one_sided = build.record(output=changed(base.output, **{name: None}))

    assert diff(base, one_sided) == ()


# -- of programs

PAGES = {
    "a": "A parcel that nobody fetches is kept at the counter for ten days and then returned to its sender.",
    "b": "Returns are free within thirty days of the delivery, as long as the seal of the box is unbroken.",
}


@traced_source(type="file", name=lambda name: name)
def page(name):
    return str(PAGES[name].encode(), "utf-8")


@traced_transform
def fill(template, text):
    return template.format(page=text)


@traced_model_call("complete", provider="acme", model="small")
def complete(prompt):
    return "That is what we do with parcels, madam, and have always done."


def two(body, first, second):
    with captured_records() as records:
        for given in (first, second):
            traced_output("answer")(lambda given=given: body(given))()
    return [(one.kind, one.what) for one in diff(*records)]


def test_a_template_that_a_step_fills_is_found_in_its_arguments_and_in_the_prompt():
    def body(template):
        return complete(fill(template, page("a")))

    assert two(body, "Answer at length from this page: {page}", "Answer in short from this page only: {page}") == [
        ("prompt", "fill: what it made"),
        ("steps", "fill: template"),
    ]


def test_which_sources_came_into_a_model_is_told_where_they_are_not_the_same():
    def body(names):
        pages = [page("a"), page("b")]
        return complete("Use: " + " ".join(one for one, name in zip(pages, "ab", strict=True) if name in names))

    assert ("prompt", "complete: sources in it") in two(body, "a", "ab")


def test_what_lineage_does_not_lead_to_comes_after_what_it_does():
    def body(model):
        traced_source("ads", type="api")(lambda: f"An advertisement that belongs to {model}, and to nothing else.")()
        return traced_model_call("complete", model=model)(lambda prompt: "An answer long enough to be linked to it.")(
            f"Use: {page('a')}"
        )

    assert [one for one in two(body, "small", "large") if one[0] != "code"] == [
        ("model", "complete"),
        ("not linked", "sources: ads"),
    ]
