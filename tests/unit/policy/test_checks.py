"""What each built-in check looks at: labels that flow, who answers, how often."""

import pytest

from provsdk import OutputBlocked, traced_model_call, traced_output, traced_source, traced_transform
from provsdk.policy import AuditRequirement, DataClassification, RateLimit, rule
from provsdk.testing import captured_records
from provsdk.vocabulary import DataClassification as Class

SECRET = "The merger with the northern company is planned for the end of May."
PUBLIC = "Our shop in the old town is open from nine to five on all working days."


def load(name, text, classification=None):
    return traced_source(name, type="file", classification=classification)(lambda: text.encode().decode())()


def said(prompt):
    return "It is planned for the end of May, as far as anybody knows today."


def result(body, check=None, on=("return",), **facts):
    """Of the check on what the body makes, its reasons, and what was expected."""
    rules = [rule(check or DataClassification(models=Class.TOP_SECRET), on=on, mode="record")]
    with captured_records(checks=rules) as records:
        traced_output("answer", **facts)(body)()
    (verdict,) = records[-1].policy_checks
    return verdict.result, verdict.reasons


class TestLabels:
    @pytest.mark.parametrize(
        "made",
        [
            lambda text: text,
            lambda text: f"As we know: {text}",
            lambda text: {"answer": text, "n": 1},
            lambda text: traced_model_call("chat")(said)(f"Use: {text}"),
            lambda text: traced_model_call("chat")(said)([{"role": "user", "content": f"Use: {text}"}]) + " Bye.",
            traced_transform("shout")(str.upper),
            traced_transform("count")(lambda given: f"It is a text of {len(given)} letters, blanks among them."),
        ],
        ids=[
            "itself",
            "within",
            "a field",
            "a model's prompt",
            "messages",
            "a step",
            "a step that nobody sees through",
        ],
    )
    def test_an_output_below_the_label_of_what_reached_it_fails(self, made):
        def body():
            load("page", PUBLIC, "public")
            return made(load("plan", SECRET, "confidential"))

        assert result(body) == ("fail", ["confidential by plan"])
        assert result(body, classification="confidential") == ("pass", [])

    def test_what_was_loaded_and_reached_nothing_has_no_say(self):
        def body():
            load("plan", SECRET, "restricted")
            return f"Our hours: {load('page', PUBLIC, 'public')}"

        assert result(body) == ("pass", [])

    def test_the_highest_label_counts_and_those_that_bear_one_above_are_named(self):
        def body():
            return load("plan", SECRET, "restricted") + load("page", PUBLIC, "confidential")

        assert result(body) == ("fail", ["restricted by page, plan"])

    def test_one_of_many_items_has_its_own_label(self):
        pages = traced_source(
            each=True,
            type="file",
            name=lambda item: item[:10],
            classification=lambda item: "restricted" if item == SECRET else "public",
        )(lambda: [SECRET.encode().decode(), PUBLIC.encode().decode()])

        assert result(lambda: f"Our hours: {pages()[1]}") == ("pass", [])
        assert result(lambda: f"Our plan: {pages()[0]}")[0] == "fail"

    @pytest.mark.parametrize("facts", [{}, {"classification": "restricted"}])
    def test_labels_go_through_outputs_within_others(self, facts):
        inner = traced_output("inner", **facts)(lambda: load("plan", SECRET, "restricted"))

        assert result(lambda: f"They say: {inner()}") == ("fail", ["restricted by inner"])

    def test_a_source_without_a_label_counts_as_configured(self):
        def body():
            return load("plan", SECRET)

        assert result(body) == ("pass", [])
        assert result(body, DataClassification(unlabelled=Class.CONFIDENTIAL))[0] == "fail"

    def test_a_model_is_not_given_what_is_above_its_own(self):
        asked = []
        ask = traced_model_call("chat")(lambda prompt: asked.append(prompt) or said(prompt))
        checks = [rule(DataClassification(), on="model", mode="block")]

        with captured_records(checks=checks):
            assert traced_output("hours")(lambda: ask(f"Use: {load('page', PUBLIC, 'public')}"))()
            with pytest.raises(OutputBlocked, match="confidential by plan"):
                traced_output("plans")(lambda: ask(f"Use: {load('plan', SECRET, 'confidential')}"))()

        assert len(asked) == 1


class TestAudit:
    def test_it_says_everything_that_is_missing(self):
        def body():
            return traced_model_call("chat")(said)("When is it?")

        assert result(body, AuditRequirement()) == (
            "fail",
            ["no accountable owner", "a model call without its model", "no source was loaded"],
        )

    def test_nothing_is_missing_where_all_is_said(self):
        def body():
            return traced_model_call("chat", model="m-1")(said)(load("plan", SECRET))

        assert result(body, AuditRequirement(), owner="ana") == ("pass", [])

    def test_the_configured_owner_answers_too(self):
        with captured_records(checks=[AuditRequirement(("owner",))], owner="ana") as records:
            traced_output("answer")(lambda: "an answer")()

        assert records[-1].policy_checks[0].result == "pass"

    def test_sources_that_reached_the_output_have_to_be_reliable(self):
        def body():
            load("rumour", PUBLIC)
            page = traced_source("hearsay", type="external")(lambda: SECRET.encode().decode())()
            return f"They say: {page}"

        found = result(body, AuditRequirement((), reliability=0.7))
        assert found == ("fail", ["sources below a reliability of 0.7: hearsay"])


class TestRate:
    def test_so_many_in_a_window_that_moves_along(self):
        now = [0.0]
        check = RateLimit(2, 10, clock=lambda: now[0])
        with captured_records(checks=[rule(check, mode="record")]) as records:
            for now[0] in (0.0, 1.0, 2.0, 10.5, 10.6):
                traced_output("answer")(lambda: "an answer")()

        assert [record.policy_checks[0].result for record in records] == ["pass", "pass", "fail", "pass", "fail"]

    def test_each_session_has_its_own(self):
        check = RateLimit(1, 10, by="session", clock=lambda: 0.0)
        with captured_records(checks=[rule(check, mode="record")]) as records:
            for session in ("a", "b", "a"):
                traced_output("answer", session=session)(lambda: "an answer")()

        assert [record.policy_checks[0].result for record in records] == ["pass", "pass", "fail"]
