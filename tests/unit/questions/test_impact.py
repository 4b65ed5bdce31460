"""What rests on a source: what used it, what may have, what cannot be ruled out, and nothing else."""

import hashlib

import pytest

import provsdk
from provsdk import traced_model_call, traced_output, traced_source
from provsdk.digest import JoinKey, digest
from provsdk.ledger.keys import digest_key
from provsdk.pipeline import running
from provsdk.questions.impact import Asked, impact

POLICY = "Refunds are paid within 30 days of purchase, whatever the reason."
TERMS = "Deliveries take a week, on islands and in mountains two weeks at most."


@traced_source(type="file", location="docs/policy.txt", version=lambda version: version)
def policy(version="1"):
    return POLICY


@traced_source(type="file", name="terms", location="docs/terms.txt")
def terms():
    return TERMS


@traced_source(type="file", name="handed over")
def read(text):
    return text


@traced_output
def quotes(version="1"):
    return "It says: " + policy(version)


@pytest.fixture
def store():
    provsdk.configure(service="impact")
    return running().store()


def rests_on(store, *places, **asked):
    return impact(store, Asked(places=places, **asked))


def names(hits):
    return [hit.record.output.name for hit in hits]


@pytest.mark.parametrize("place", ["docs/policy.txt", "policy", "docs/pol*", "docs/policy.tx?"])
def test_a_source_is_found_by_its_location_its_name_and_a_pattern(store, place):
    quotes()

    found = rests_on(store, place)

    assert names(found.used) == ["quotes"]
    assert [source.location for source in found.sources] == ["docs/policy.txt"]
    assert not rests_on(store, "docs/").sources


def test_it_is_found_by_its_content_wherever_it_was_loaded_from(store):
    quotes()
    traced_output("page")(lambda: read(POLICY) + "!")()
    join = JoinKey(digest_key(running().config.keys, create=False)).join(digest(POLICY))

    found = impact(store, Asked(joins=(join,)))

    assert names(found.used) == ["quotes", "page"]
    assert {source.name for source in found.sources} == {"policy", "handed over"}


def test_one_version_is_asked_about_alone(store):
    quotes("1")
    quotes("2")

    (hit,) = rests_on(store, "policy", version="2").used

    assert hit.versions == ("2",)


def test_a_source_whose_version_is_not_stated_may_be_of_the_one_that_is_asked_about(store):
    quotes(None)
    quotes("1")

    found = rests_on(store, "policy", version="2")

    assert found.used == ()
    assert [(hit.versions, hit.link.strength) for hit in found.possible] == [((), "inferred")]


def test_what_rests_on_it_through_other_outputs_counts_with_its_weakest_link(store):
    first = quotes()
    traced_output("mail")(lambda: "Dear customer: " + read(first))()

    found = rests_on(store, "policy")

    assert names(found.used) == ["quotes", "mail"]
    direct, through = found.used
    assert direct.through == ()
    assert through.through == (direct.record.record_id,)
    assert (through.link.strength, through.link.basis) == ("observed", "containment")


def test_what_was_only_loaded_may_have_used_it(store):
    @traced_model_call
    def ask(prompt):
        return {"answer": "Within a month, unless the thing was broken by then."}

    @traced_output("asked")
    def asked():
        return ask("Answer from this: " + policy())["answer"]

    @traced_output("blind")
    def blind():
        policy()
        return "nothing of what was loaded is in this answer"

    asked()
    blind()

    found = rests_on(store, "policy")

    assert found.used == ()
    assert [(hit.record.output.name, hit.link.strength) for hit in found.possible] == [
        ("asked", "given"),
        ("blind", "inferred"),
    ]


def test_a_load_that_failed_links_nothing(store):
    @traced_source(type="file", name="policy")
    def broken():
        raise OSError

    @traced_output("without")
    def without():
        try:
            broken()
        except OSError:
            return "an answer that went without the policy"

    without()

    found = rests_on(store, "policy")

    assert (found.used, found.possible) == ((), ())
    assert names(found.unlinked) == ["without"]


def test_a_load_that_failed_rules_nothing_out_where_the_record_misses_something(store):
    @traced_source(type="file", name="policy")
    def broken():
        raise OSError

    def output():
        holds_itself = []
        holds_itself.append(holds_itself)
        try:
            broken()
        except OSError:
            return holds_itself

    traced_output("knows little")(output)()

    found = rests_on(store, "policy")

    assert found.unlinked == ()
    assert [doubt.name for doubt in found.doubtful] == ["knows little"]


def test_a_record_that_misses_something_cannot_be_ruled_out(store):
    quotes()

    holds_itself = []
    holds_itself.append(holds_itself)
    traced_output("knows little")(lambda: holds_itself)()
    traced_output("other")(lambda: "It says: " + terms())()

    found = rests_on(store, "policy")

    assert [(doubt.name, doubt.reasons) for doubt in found.doubtful] == [("knows little", ("value_not_digestible",))]
    assert names((*found.used, *found.possible)) == ["quotes"]


def test_what_goes_back_to_an_output_in_doubt_is_in_doubt(store):
    quotes()

    @traced_source(type="api", name="mirror")
    def mirror():
        holds_itself = [POLICY]
        holds_itself.append(holds_itself)
        return holds_itself

    first = traced_output("knows little")(lambda: "It is said: " + mirror()[0].upper())()
    traced_output("mail")(lambda: "Dear customer: " + read(first))()

    found = rests_on(store, "docs/policy.txt")

    assert [(doubt.name, doubt.reasons) for doubt in found.doubtful] == [
        ("knows little", ("value_not_digestible",)),
        ("mail", ("it goes back to an output for which it cannot be ruled out",)),
    ]


def test_that_another_output_came_to_the_same_hides_no_way(store):
    @traced_source(type="database", name="search")
    def search(question):
        return TERMS

    @traced_source(type="database", name="broken", location="docs/policy.txt")
    def broken():
        raise OSError

    @traced_output("failed")
    def failed():
        try:
            broken()
        except OSError:
            return TERMS

    failed()
    traced_output("asked")(lambda: "Found: " + search(policy()))()

    found = rests_on(store, "docs/policy.txt")

    assert names(found.possible) == ["asked"]
    assert names(found.unlinked) == ["failed"]


def test_nothing_is_found_of_a_source_that_nobody_loaded(store):
    quotes()

    found = rests_on(store, "another")

    assert (found.sources, found.used, found.possible) == ((), (), ())


class TestPartsOfASource:
    """A source that holds several contents is asked about as a whole, or by one of them."""

    ROWS = ("Refunds are paid within 30 days of purchase.", "Deliveries to islands take two weeks at the most.")

    @pytest.fixture
    def quoted(self, store):
        @traced_source(type="file", name="rows")
        def rows():
            return list(self.ROWS)

        traced_output("first row")(lambda: "It says: " + rows()[0])()

    def join(self, value):
        return JoinKey(digest_key(running().config.keys, create=False)).join(digest(value))

    def test_a_digest_of_the_whole_covers_what_is_in_it(self, store, quoted):
        assert names(impact(store, Asked(joins=(self.join(list(self.ROWS)),))).used) == ["first row"]

    def test_the_part_that_was_used_was_used(self, store, quoted):
        assert names(impact(store, Asked(joins=(self.join(self.ROWS[0]),))).used) == ["first row"]

    def test_one_of_thousands_of_parts_is_found(self, store):
        many = [f"row number {n} says something that is worth repeating" for n in range(3_000)]
        rows = traced_source(type="file", name="rows")(lambda: list(many))
        traced_output("late row")(lambda: "It says: " + rows()[2_999])()

        for n in (0, 1_500, 2_999):
            found = impact(store, Asked(joins=(self.join(many[n]),)))
            assert names((*found.used, *found.possible)) == ["late row"]

    def test_another_part_of_what_was_used_may_have_been(self, store, quoted):
        found = impact(store, Asked(joins=(self.join(self.ROWS[1]),)))

        assert (found.used, found.unlinked) == ((), ())
        assert [(hit.record.output.name, hit.link.strength) for hit in found.possible] == [("first row", "inferred")]


def test_a_source_without_a_digest_is_found_by_its_id(store):
    @traced_source(type="file", name="opaque")
    def opaque():
        return object()

    def output():
        opaque()
        return "an answer that was made meanwhile"

    traced_output("blind")(output)()
    (source,) = store.fold(store.resolve("@latest")).record.sources

    found = impact(store, Asked(ids=(source.source_id,)))

    assert source.join_digest is None
    assert names(found.possible) == ["blind"]


def test_records_whose_names_views_do_not_keep_are_found_all_the_same():
    provsdk.configure(service="impact", classification="confidential")
    quotes()
    found = rests_on(running().store(), "docs/policy.txt")

    assert running().store().uses_at("docs/policy.txt") == []
    assert names(found.used) == ["quotes"]


def without(store, *hidden):
    """That store where those records cannot be read."""

    class Locked:
        record = None

    class Reader:
        outputs_of, uses_of, uses_at = store.outputs_of, store.uses_of, store.uses_at
        records_of_trace, incomplete = store.records_of_trace, store.incomplete

        def fold(self, record_id):
            return Locked() if record_id in hidden else store.fold(record_id)

    return Reader()


def test_a_record_that_loaded_it_and_cannot_be_read_is_in_doubt(store):
    quotes()
    hidden = store.resolve("@latest")

    found = rests_on(without(store, hidden), "policy")

    assert found.known
    assert (found.sources, found.used) == ((), ())
    assert [(doubt.record_id, doubt.reasons) for doubt in found.doubtful] == [(hidden, ("the record cannot be read",))]


def test_a_record_downstream_that_cannot_be_read_is_in_doubt(store):
    text = quotes()
    traced_output("mail")(lambda: "Dear customer: " + read(text))()
    hidden = store.resolve("@latest")

    found = rests_on(without(store, hidden), "policy")

    assert names(found.used) == ["quotes"]
    assert [doubt.record_id for doubt in found.doubtful] == [hidden]


def test_a_name_with_brackets_is_no_pattern_where_it_is_one_name(store):
    traced_output("bracketed")(lambda: "It says: " + traced_source(type="file", name="a[1].txt")(lambda: TERMS)())()

    assert names(rests_on(store, "a[1].txt").used) == ["bracketed"]


REVIEWS = [f"Review {n}: the kettle number {n} arrived in a box that was heavy and {n} days late." for n in range(4)]


def reviews():
    load = traced_source(each=True, type="database", name=lambda item: item[:8])
    return load(lambda: [text.encode().decode() for text in REVIEWS])()


def test_of_outputs_within_another_one_those_count_that_were_handed_the_source(store):
    @traced_output("one")
    def one(review):
        return f"Noted. {review}"

    traced_output("batch")(lambda: [one(review) for review in reviews()])()

    found = rests_on(store, "Review 2")

    assert sorted(names(found.used)) == ["batch", "one"]
    (inner,) = (hit.record for hit in found.used if hit.record.output.name == "one")
    assert inner.output.arguments[0].digest == f"sha256:{hashlib.sha256(REVIEWS[2].encode()).hexdigest()}"


def test_of_many_that_it_was_handed_its_own_record_says_which_it_used(store):
    @traced_output("one")
    def one(all_of_them, n):
        return traced_model_call("m")(lambda prompt: f"Noted: {prompt}")(f"Sum up: {all_of_them[n]}")

    @traced_output("batch")
    def batch():
        found = reviews()
        return [one(found, 1), one(found, 3)]

    batch()

    def told(place):
        found = rests_on(store, place)
        return names(found.used) + names(found.possible)

    assert sorted(told("Review 1")) == sorted(told("Review 3")) == ["batch", "one"]
    assert "one" not in told("Review 2")
