"""Makes the builder of spans importable: `tests/fakes/spans/span_builder.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "fakes" / "spans"))
