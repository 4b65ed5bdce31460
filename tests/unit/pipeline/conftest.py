"""Makes the streams of model clients importable: `tests/fakes/model_apis/client_stream.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "fakes" / "model_apis"))
