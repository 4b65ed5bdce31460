"""Assembly: spans and local facts become records, by a pure function.

Where spans arrive that another process made, `provsdk.assembly.otlp` reads them and `assemble(spans, {})` makes their
records.
"""

from provsdk.assembly.assembler import Assembled, Assembly, assemble
from provsdk.assembly.spans import SpanData

__all__ = ["Assembled", "Assembly", "SpanData", "assemble"]
