"""One output with everything that happens inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from provsdk.capture._flow import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import SpanContext

    from provsdk.capture._flow import Ref
    from provsdk.capture._foreign import Foreign
    from provsdk.capture._search import Place
    from provsdk.capture._session import Activity
    from provsdk.capture.ports import Facts

__all__ = ["Flow", "Scope"]


Flow = tuple[str, "Sequence[tuple[Ref, str]]", "Sequence[tuple[Ref, str, str]]", bool]
"""Of a step that has ended: key, what it was given, what its values come from, and whether more may have
come into it than was seen; a plain tuple, as one is made for every activity."""


class Scope:
    """One output: its registry, its local facts, and whether it still runs. Shared by the threads that work for it."""

    # Most outputs never touch these; what stands here need not be set for each of them.
    made: Any = None
    """What the output came to; of a stream, as much of it as was kept to be searched."""
    keeps: str | None = None
    """`capture_content` of this output; None: as configured."""
    number = 0
    foreign: Foreign | None = None
    """What other instrumentations' spans came to, where there were any and somebody watches them."""
    orphans = 0
    """Traced calls that ran meanwhile in no output: in a thread, for one, that nobody told whose work it does."""
    strays = 0
    """Traced calls that ran meanwhile in tasks or threads that another output, which had ended, had started."""
    declared: frozenset[str] = frozenset()
    """Ids of values of which the user's code says what they come from."""
    cited: tuple[tuple[str, str, tuple[Place, ...]], ...] = ()
    """Edges that were declared, from effect to cause, with their places."""
    small: tuple[tuple[int, str, Any], ...] = ()
    """Values of sources that are too small to be linked by what they are: how many values were known before each, id,
    and the value."""
    own_code: int | None = None
    """Number of the code of the output's own function."""
    asked: frozenset[str] = frozenset()
    """Short values that the output was given."""
    steps: tuple[Activity, ...] = ()
    """Its traced calls, where policies may ask for them."""
    open = True
    caller: SpanContext | None = None
    """The span that the user's own tracing has the output's work below, where ours is not current for it."""

    def __init__(self, key: str) -> None:
        self.record_id = f"rec_{key}"
        self.registry = Registry()
        self.missing: list[tuple[str, str | None]] = []
        self.spans: dict[str, dict[str, Any]] = {}
        self.code: set[int] = set()
        """Numbers of the traced functions that were at work."""
        self.answers: list[tuple[str, str]] = []
        """What models said that is too small to be linked by what it is: id and text. Threads append to it."""
        self.calls: list[str] = []
        """Keys of the activities inside the output: whoever assembles the record can tell which did not arrive."""
        self.flows: list[Flow] = []
        """What each step that has ended was given, and what its values come from."""
        self.interrupted: dict[Any, None] = {}
        """Streams within the output that were interrupted, and that nobody has read on."""

    @property
    def output_id(self) -> str:
        """Of what the output comes to."""
        return f"out_{self.record_id[4:]}"

    def local_facts(self) -> Facts:
        """What stays in the process, as plain builtins."""
        foreign = self.foreign
        return {
            "v": 1,
            "path": "process",
            "number": self.number,
            "integrations": [] if foreign is None else foreign.names,
            "code": list(self.code),
            "missing": self.missing if foreign is None else [*self.missing, *foreign.missing()],
            "spans": self.spans,
            "cited": self.cited,
        }
