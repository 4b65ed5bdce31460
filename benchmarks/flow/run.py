"""How exactly the flow of small programs is seen: precision and recall of edges from sources to outputs.

    python benchmarks/flow/run.py            the table
    python benchmarks/flow/run.py --wrong    each edge that is missing or too many

The truth of each program is written beside it, and proved here: changing one of its true sources changes the
output, and changing any other does not. Beside ours, what two rules would say of the same run: that all that was
loaded within an output's span shaped it (as traces are read), and that every input of a run is one of every output
(OpenLineage).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import adversarial  # noqa: F401 as below
import frameworks  # noqa: F401 as below
import programs  # noqa: F401 all fill PROGRAMS
from _bench import PROGRAMS, Program

from provsdk.ask import open_log
from provsdk.pipeline import running
from provsdk.questions.links import links
from provsdk.testing import captured_records


class Score(NamedTuple):
    """Edges that are true and said, only said, only true."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def plus(self, said: Iterable[str], true: Iterable[str]) -> Score:
        """With those of one more program."""
        said, true = set(said), set(true)
        return Score(self.right + len(said & true), self.wrong + len(said - true), self.missed + len(true - said))

    def line(self, name: str) -> str:
        """For a person."""
        precision = self.right / max(self.right + self.wrong, 1)
        recall = self.right / max(self.right + self.missed, 1)
        return f"{name:<44} {precision:>9.3f} {recall:>9.3f} {self.right:>6} {self.wrong:>6} {self.missed:>6}"


def main() -> int:
    """Proves the truth, measures, prints; exit code 1 where a truth is none, or a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrong", action="store_true", help="name each edge that is missing or too many")
    arguments = parser.parse_args()
    untrue = [complaint for one in PROGRAMS for complaint in proved(one)]
    for complaint in untrue:
        print(f"NOT TRUE: {complaint}")
    observed = nesting = inputs = Score()
    for one in PROGRAMS:
        said, loaded = seen(one)
        observed, nesting = observed.plus(said, one.uses), nesting.plus(loaded, one.uses)
        inputs = inputs.plus(one.sources, one.uses)
        if arguments.wrong and said != one.uses:
            print(f"{one.name}: too many {sorted(said - one.uses)}, missed {sorted(one.uses - said)}")
    print(f"{len(PROGRAMS)} programs{'':<32} precision    recall  right  wrong missed")
    print(observed.line("observed edges of provsdk"))
    print(nesting.line("everything loaded within the span"))
    print(inputs.line("every input of every output"))
    held = observed.right >= 0.99 * (observed.right + observed.wrong)
    held &= observed.right >= 0.95 * (observed.right + observed.missed)
    return int(bool(untrue) or not held)


def proved(one: Program) -> list[str]:
    """What is wrong with its truth."""
    plain = made(one, one.sources)
    complaints = []
    for name, text in one.sources.items():
        changes = made(one, {**one.sources, name: changed(text)}) != plain
        if changes != (name in one.uses):
            complaints.append(f"{one.name}: changing {name} {'changes' if changes else 'does not change'} the output")
    return complaints


def changed(text: str) -> str:
    """Another text of the same form: its letters are others."""
    return "".join(_other(letter) for letter in text)


def _other(letter: str) -> str:
    if letter.isascii() and letter.isalpha():
        return chr((ord(letter.lower()) - 97 + 11) % 26 + 97)
    return chr(ord(letter) + 1) if letter.isalpha() else letter


def made(one: Program, sources: Mapping[str, str]) -> Any:
    """What it makes of these sources."""
    with captured_records():
        return one.run(sources)


def seen(one: Program) -> tuple[set[str], set[str]]:
    """The sources that were observed to reach its output, through other outputs too, and all that its span loaded."""
    with captured_records() as records:
        one.run(one.sources)
        record = records[-1]
        names = {source.source_id: source.name for source in record.sources}
        reached = {names[source] for source, link in links(record).items() if link.strength == "observed"}
        if one.before is not None:
            reached = {name for name in one.sources if is_observed_in(record.record_id, name)}
    return reached, set(names.values()) & set(one.sources)


def is_observed_in(record_id: str, source: str) -> bool:
    """Whether `impact` says so."""
    runtime = running()
    assert runtime is not None
    with open_log(runtime.config.store) as log:
        used = log.impact(source).used
        return any(hit.record.record_id == record_id and hit.link.strength == "observed" for hit in used)


if __name__ == "__main__":
    sys.exit(main())
