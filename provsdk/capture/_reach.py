"""Which values came into an activity: those that it was given, what stood in them, and whatever these come from.

A model repeats what it was given, or what it knows by heart: a source that never came into its call did not shape what
it said, however many words they share.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from provsdk.capture._flow import Ref
    from provsdk.capture._scope import Flow

__all__ = ["Reach", "id_of", "key_of"]


def key_of(value: str) -> str:
    """The activity that a value belongs to: `ent_<key>-<number>`."""
    return value[4:53]


class Reach:
    """What is known of it, while more is found.

    Args:
        flows: of the activities of an output.
        parts: values with the containers that they are in.
    """

    def __init__(self, flows: Iterable[Flow], parts: Iterable[tuple[str, str]]) -> None:
        self._given: dict[str, list[str]] = {}
        self._unseen: set[str] = set()
        self._causes: defaultdict[str, list[str]] = defaultdict(list)
        self._parts: defaultdict[str, list[str]] = defaultdict(list)
        for key, used, derived, has_unseen in flows:
            self._given[key] = [id_of(key, one) for one, _ in used]
            if has_unseen:
                self._unseen.add(key)
            for effect, cause, _ in derived:
                self._causes[id_of(key, effect)].append(cause)
        for part, container in parts:
            self._parts[container].append(part)

    def note(self, effect: str, cause: str) -> None:
        """Takes an edge that was found."""
        self._causes[effect].append(cause)

    def is_seen(self, key: str) -> bool:
        """Whether all that came into the activity is known."""
        return key in self._given and key not in self._unseen

    def into(self, key: str) -> set[str]:
        """Every value that came into the activity."""
        return self.behind(self._given.get(key, ()))

    def behind(self, values: Iterable[str]) -> set[str]:
        """These values, and every one that they go back to."""
        found: set[str] = set()
        waiting = list(values)
        while waiting:
            value = waiting.pop()
            if value not in found:
                found.add(value)
                waiting += self._before(value)
        return found

    def _before(self, value: str) -> Sequence[str]:
        """What it comes from, and what is in it; of a value of which nothing is known, all that its maker was given."""
        parts, causes = self._parts.get(value, []), self._causes.get(value, [])
        if causes or any(part in self._causes for part in parts):
            return [*parts, *causes]
        return [*parts, *self._given.get(key_of(value), ())]


def id_of(key: str, one: Ref) -> str:
    """The id of a value of which the activity with that key speaks."""
    return f"ent_{key}-{one}" if isinstance(one, int) else one
