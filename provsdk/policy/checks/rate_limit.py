"""How often an output may be made, by whom it is made for."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Final

from provsdk.errors import UsageError
from provsdk.gate import Verdict
from provsdk.vocabulary import ComplianceCheckType

if TYPE_CHECKING:
    from collections.abc import Callable

    from provsdk.gate import Subject

__all__ = ["RateLimit"]

MAX_KEYS: Final = 100_000
"""Sessions, tenants or outputs that are counted; of more, those that have been quiet longest are forgotten."""

_BY: Final = ("output", "session", "tenant")


@dataclass(frozen=True)
class RateLimit:
    """Counts the outputs, or the model calls, of this process in a window that moves along.

    Args:
        limit: how many.
        seconds: in so many seconds.
        by: `output` (its name), `session` or `tenant`.
        clock: seconds that never go back.

    Raises:
        UsageError: a number that is not above 0, or another word for `by`.
    """

    limit: int
    seconds: float
    by: str = "output"
    clock: Callable[[], float] = time.monotonic
    name: str = "rate_limit"
    type: ComplianceCheckType = ComplianceCheckType.RATE_LIMIT
    version: str | None = "1"
    _seen: dict[str, deque[float]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        is_count = type(self.limit) is int and self.limit > 0
        if not is_count or type(self.seconds) not in {int, float} or not 0 < self.seconds < inf:
            raise UsageError(
                f"rate_limit: limit {self.limit!r} in seconds {self.seconds!r}; "
                "allowed: a whole number and a number, both have to be above 0"
            )
        if self.by not in _BY:
            raise UsageError(f"rate_limit: by={self.by!r} is not allowed; allowed: {', '.join(_BY)}")

    def __reduce__(self) -> Any:
        """In another process it counts by itself."""
        return type(self), (self.limit, self.seconds, self.by, self.clock, self.name, self.type, self.version)

    def check(self, subject: Subject) -> Verdict:
        """Counts this one; fails where there were as many already, which it is then not one of."""
        scope = subject.scope
        if scope is None:
            return Verdict("skipped", ("outside any output",))
        key = scope.output if self.by == "output" else str(scope.said.get(self.by, ""))
        with self._lock:
            now = self.clock()
            times = self._seen.pop(key, None) or deque()
            self._seen[key] = times
            while len(self._seen) > MAX_KEYS:
                del self._seen[next(iter(self._seen))]
            while times and times[0] <= now - self.seconds:
                times.popleft()
            expected = f"at most {self.limit} in {self.seconds:g} s"
            if len(times) >= self.limit:
                return Verdict("fail", (f"{len(times)} in {self.seconds:g} s",), (), str(len(times) + 1), expected)
            times.append(now)
            return Verdict("pass", (), (), str(len(times)), expected)
