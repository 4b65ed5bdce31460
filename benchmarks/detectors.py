"""How exactly personal data is found, and how fast, beside Presidio and a list of regular expressions.

    python benchmarks/detectors.py              the table
    python benchmarks/detectors.py --quick      fewer texts
    python benchmarks/detectors.py --wrong      each text that is judged wrongly

Presidio runs its pattern recognizers one by one, without the language model, which finds none of these kinds and would
take longer still; of its scores the threshold is taken that gives it the best F1 of each kind. Exit code 1 where our F1
is not above both on every kind, where we are not 20 times as fast as Presidio, on the texts or on pages that hold some
of them, or where ten times the text takes more than 15 times as long.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from _figures import Figure, side_by_side, timed
from _labelled_texts import Text, labelled_texts

from provsdk.policy.detectors.pii import KINDS, find

SEED = 5
MIN_SPEED = 20
MAX_RATIO = 15
RECOGNIZERS = {
    "credit_card": "CreditCard",
    "email": "Email",
    "iban": "Iban",
    "ip_address": "Ip",
    "phone": "Phone",
    "us_ssn": "UsSsn",
}
"""Presidio's, by what they find."""
NATIONAL_RECOGNIZERS = {
    "au.tfn": "AuTfn",
    "ca.sin": "CaSin",
    "de.idnr": "DeTaxId",
    "es.dni": "EsNif",
    "es.nie": "EsNie",
    "fi.hetu": "FiPersonalIdentityCode",
    "gb.nhs": "Nhs",
    "in_.aadhaar": "InAadhaar",
    "in_.pan": "InPan",
    "it.codicefiscale": "ItFiscalCode",
    "kr.rrn": "KrRrn",
    "pl.pesel": "PlPesel",
    "se.personnummer": "SePersonnummer",
    "th.pin": "ThTnin",
    "tr.tckimlik": "TrNationalId",
    "us.itin": "UsItin",
    "za.idnr": "ZaIdNumber",
}
"""By the number of a country; the row `national_id*` is of these only."""

PASTED = {
    "credit_card": r"\b(?:\d[ -]*?){13,16}\b",
    "email": r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}\b",
    "iban": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b",
    "ip_address": r"\b(?:\d{1,3}\.){3}\d{1,3}\b|\b(?:[A-Fa-f0-9]{1,4}:){7}[A-Fa-f0-9]{1,4}\b",
    "national_id": r"\b(?:\d{11}|\d{9}|\d{8}-?[A-Z]|\d{6}-\d{4}|\d{3}\.\d{3}\.\d{3}-\d{2}"
    r"|[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z])\b",
    "phone": r"(?:\+\d{1,3}[ .-]?)?\(?\d{2,4}\)?[ .-]?\d{3,4}[ .-]?\d{3,4}\b",
    "us_ssn": r"\b\d{3}[- ]?\d{2}[- ]?\d{4}\b",
}
"""Such as they stand in answers and posts, to be pasted."""

PROSE = "The committee met on Tuesday and agreed that the plan should be reviewed in the autumn, when more is known. "

NASTY = {
    "digits": "7",
    "at signs": "@",
    "1-": "1-",
    "a.": "a.",
    "colons": ":",
    "1.": "1.",
    "a@a.": "a@a.",
    "+1 (": "+1 (",
}

Found = tuple[str, int, int, float]
Detector = Callable[[str], Iterable[Found]]


class Score(NamedTuple):
    """Of one kind."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Of what was found, the share that is there."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        """Of what is there, the share that was found."""
        return self.right / max(self.right + self.missed, 1)

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        return 2 * self.right / max(2 * self.right + self.wrong + self.missed, 1)


def main() -> int:
    """Measures, prints; exit code 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer texts")
    parser.add_argument("--wrong", action="store_true", help="print each text that is judged wrongly")
    parser.add_argument("--seed", type=int, default=SEED, help="of the labelled texts")
    arguments = parser.parse_args()
    texts = labelled_texts(arguments.seed, 60 if arguments.quick else 400)
    if arguments.wrong:
        complain(texts)
        return 0
    detectors: dict[str, Detector] = {"provsdk": ours, "regex list": pasted}
    other = presidio()
    if other is None:
        print("presidio-analyzer is not installed: measured without it (pip install presidio-analyzer)")
    else:
        detectors["presidio"] = other
    held = [
        compared(texts, detectors),
        other is None or fast(texts, other),
        linear(200_000 if arguments.quick else 1_000_000),
    ]
    return int(not all(held))


def compared(texts: Sequence[Text], detectors: Mapping[str, Detector]) -> bool:
    """Prints each detector's scores; whether ours are the best."""
    print(f"{len(texts)} texts, {sum(one.kind is not None for one in texts)} of them with personal data\n")
    answers = {name: [tuple(detector(one.text)) for one in texts] for name, detector in detectors.items()}
    rows = {
        kind: {name: best_score(texts, answer, kind) for name, answer in answers.items()}
        for kind in (*KINDS, "national_id*")
    }
    print(f"{'F1 (precision, recall)':<24}" + "".join(f"{name:>24}" for name in detectors))
    for kind, scores in rows.items():
        cells = [f"{one.f1:.3f} ({one.precision:.3f}, {one.recall:.3f})" for one in scores.values()]
        print(f"{kind:<24}" + "".join(f"{cell:>24}" for cell in cells))
    best = all(
        scores["provsdk"].f1 > score.f1
        for scores in rows.values()
        for name, score in scores.items()
        if name != "provsdk"
    )
    print(f"\nF1 above the others on every kind: {'yes' if best else 'NO'}")
    print(f"exact offsets among ours that are right: {exactness(texts, answers['provsdk']):.4f}\n")
    return best


def fast(texts: Sequence[Text], other: Detector) -> bool:
    """Prints how often as fast as the other detector we are; whether that is enough."""
    sentences = [one.text for one in texts[:300]]
    pages = ["\n".join(f"{PROSE * 6}{text}" for text in sentences[n : n + 6]) for n in range(0, 60, 6)]
    held = True
    for what, sample in (("sentences", sentences), ("pages of 4 KB", pages)):
        ratio, mine, theirs = side_by_side(
            lambda sample=sample: timed(lambda: [ours(text) for text in sample]),  # type: ignore[misc]
            lambda sample=sample: timed(lambda: [other(text) for text in sample]),  # type: ignore[misc]
            rounds=7,
            warm_up=1,
        )
        each = f"{mine / len(sample) * 1e6:.0f} µs, Presidio {theirs / len(sample) * 1e6:.0f} µs"
        print(f"{what}: {1 / ratio:.1f} times as fast as Presidio, at least {MIN_SPEED} ({each})")
        held &= 1 / ratio >= MIN_SPEED
    print()
    return held


def best_score(texts: Sequence[Text], answers: Sequence[Sequence[Found]], kind: str) -> Score:
    """At the threshold of the detector's own scores that serves it best."""
    wanted = kind.rstrip("*")
    thresholds = {score for answer in answers for name, *_, score in answer if name == wanted} or {0.0}
    return max((score_of(texts, answers, kind, one) for one in thresholds), key=lambda one: one.f1)


def score_of(texts: Sequence[Text], answers: Sequence[Sequence[Found]], kind: str, threshold: float) -> Score:
    """A finding is right where most of it and most of what is there are the same."""
    right = wrong = missed = 0
    wanted = kind.rstrip("*")
    for one, answer in zip(texts, answers, strict=True):
        if kind.endswith("*") and one.kind == wanted and one.what not in NATIONAL_RECOGNIZERS:
            continue
        spans = {(start, end) for name, start, end, score in answer if name == wanted and score >= threshold}
        hits = {span for span in spans if one.kind == wanted and is_same(span, (one.start, one.end))}
        right += bool(hits)
        missed += one.kind == wanted and not hits
        wrong += len(disjoint(spans - hits, hits))
    return Score(right, wrong, missed)


def disjoint(spans: set[tuple[int, int]], hits: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that overlap neither a hit nor each other: several recognizers may say one thing."""
    kept = list(hits)
    for span in sorted(spans):
        if all(span[1] <= start or end <= span[0] for start, end in kept):
            kept.append(span)
    return kept[len(hits) :]


def is_same(span: tuple[int, int], true: tuple[int, int]) -> bool:
    """Whether they share more than half of both together."""
    shared = min(span[1], true[1]) - max(span[0], true[0])
    return 2 * shared > max(span[1], true[1]) - min(span[0], true[0])


def exactness(texts: Sequence[Text], answers: Sequence[Sequence[Found]]) -> float:
    """Of the findings that are right, the share whose offsets are so to the character."""
    pairs = [
        ((one.start, one.end), (start, end))
        for one, answer in zip(texts, answers, strict=True)
        for name, start, end, _ in answer
        if name == one.kind and is_same((start, end), (one.start, one.end))
    ]
    return sum(true == said for true, said in pairs) / max(len(pairs), 1)


def ours(text: str) -> list[Found]:
    """By `provsdk.policy.detectors.pii`."""
    return [(one.kind, one.start, one.end, 1.0) for one in find(text)]


_COMPILED = {kind: re.compile(pattern) for kind, pattern in PASTED.items()}


def pasted(text: str) -> list[Found]:
    """By regular expressions alone."""
    return [(kind, *match.span(), 1.0) for kind, form in _COMPILED.items() for match in form.finditer(text)]


def presidio() -> Detector | None:
    """By Presidio's pattern recognizers; None where it is not installed."""
    try:
        import tldextract  # noqa: PLC0415 Presidio may be missing
        from presidio_analyzer import predefined_recognizers  # noqa: PLC0415 as above
    except ImportError:
        return None
    tldextract.extract = tldextract.TLDExtract(
        suffix_list_urls=()
    )  # its own list: nothing is fetched while it is timed
    names = [*RECOGNIZERS.items(), *(("national_id", name) for name in NATIONAL_RECOGNIZERS.values())]
    made: list[tuple[str, Any]] = [
        (kind, getattr(predefined_recognizers, f"{name}Recognizer")()) for kind, name in names
    ]

    def detect(text: str) -> list[Found]:
        return [
            (kind, one.start, one.end, one.score)
            for kind, recognizer in made
            for one in recognizer.analyze(text, recognizer.supported_entities, None) or ()
        ]

    return detect


def linear(size: int) -> bool:
    """Prints what ten times a nasty text costs over the text itself; whether all are within the limit."""
    held = True
    for name, part in NASTY.items():
        short, long = (part * (length // len(part)) for length in (size, 10 * size))
        seconds = min(timed(lambda text=short: find(text)) for _ in range(7))
        longer = min(timed(lambda text=long: find(text)) for _ in range(2))
        one = Figure(
            f"{size / 1e6:g} MB of {name}, ten times as many", longer / seconds, "times", MAX_RATIO, f"{longer:.2f} s"
        )
        print(one.line())
        held &= not one.beyond(1)
    return held


def complain(texts: Sequence[Text]) -> None:
    """Prints what is missed, found beside it, or found where there is nothing."""
    for one in texts:
        found = {(kind, start, end) for kind, start, end, _ in ours(one.text)}
        true = {(one.kind, one.start, one.end)} if one.kind else set()
        if found != true:
            print(f"{one.what or one.kind}: {one.text!r}: {[(kind, one.text[a:b]) for kind, a, b in sorted(found)]}")


if __name__ == "__main__":
    sys.exit(main())
