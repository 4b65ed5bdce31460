"""What it costs to find out which of twenty passages stand in a prompt, and whose words an answer repeats."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from _figures import Figure

from provsdk.matching import Folded, contained, quoted

__all__ = ["searched_texts"]

PASSAGES, LENGTH = 20, 1_000
ANSWER_WORDS = 120


def searched_texts(_: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 as the others
    """Folding is part of it: each text is seen for the first time."""
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(2_000)]
    passages = [" ".join(chance.choices(words, k=400))[:LENGTH] for _ in range(PASSAGES)]
    whole = "Answer from this.\n\n" + "\n\n".join(passages)
    cased = whole.upper().replace(" ", "\n", 40)
    cut = "Answer from this.\n\n" + "\n\n".join(f"{one[:400]}… {one[500:900]}" for one in passages) + whole[-2_000:]
    answer = " ".join(passages[3].split()[20:40] + chance.choices(words, k=ANSWER_WORDS) + passages[9].split()[5:15])
    rounds = 5 if quick else 30
    return [
        Figure(
            "20 passages in a prompt of 20 KB, as they are", _milliseconds(_contained(whole, passages), rounds), "ms", 1
        ),
        Figure("the same, in other case and lines", _milliseconds(_contained(cased, passages), rounds), "ms", 1),
        Figure("the same, cut short", _milliseconds(_contained(cut, passages), rounds), "ms", 10),
        Figure("words of 20 passages in an answer", _milliseconds(_quoted(answer, passages), rounds), "ms", 10),
    ]


def _contained(text: str, passages: list[str]) -> Callable[[], object]:
    return lambda: contained(Folded(text), [Folded(one) for one in passages])


def _quoted(text: str, passages: list[str]) -> Callable[[], object]:
    return lambda: quoted(Folded(text), [Folded(one) for one in passages])


def _milliseconds(work: Callable[[], object], rounds: int) -> float:
    """The best of some rounds: what others do on the machine is no cost of ours."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        assert work(), "nothing was found"
        best = min(best, time.perf_counter() - start)
    return best * 1_000
