"""Speed and size as ratios, both sides measured in one run on one machine.

    python benchmarks/run.py                     all of them
    python benchmarks/run.py call seal           only these
    python benchmarks/run.py --fail-beyond 2.5   exit 1 where a ratio is beyond 2.5 times its limit

Numbers of a busy machine are bad numbers: look at the ratios, and run it twice.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from _figures import Figure
from calls import other_calls, traced_call
from checks import checked
from environment import warm_environment
from foreign import foreign_spans
from imports import import_times
from memory import unsealed
from registry import registered
from sealing import batch_of_64, one_in_sync
from size import rag_records
from streams import traced_stream
from texts import searched_texts

BENCHMARKS: dict[str, Callable[[Path, bool], list[Figure]]] = {
    "call": traced_call,
    "calls": other_calls,
    "stream": traced_stream,
    "foreign": foreign_spans,
    "seal": batch_of_64,
    "sync": one_in_sync,
    "environment": warm_environment,
    "import": import_times,
    "checks": checked,
    "registry": registered,
    "texts": searched_texts,
    "memory": unsealed,
    "size": rag_records,
}


def main() -> int:
    """Runs, prints a table, answers the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--fail-beyond", type=float, metavar="FACTOR", help="times the limit")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    print(f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}")
    failed = False
    for name in arguments.names or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix="provsdk-bench-", ignore_cleanup_errors=True) as directory:
            for figure in BENCHMARKS[name](Path(directory), arguments.quick):
                print(figure.line(), flush=True)
                failed |= arguments.fail_beyond is not None and figure.beyond(arguments.fail_beyond)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
