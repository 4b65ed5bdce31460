"""The contracts stand beside the tests that hold implementations to them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
