"""The documents of the formats name every field that there is."""

from pathlib import Path

import msgspec
import pytest

from provsdk import semconv
from provsdk.assembly.dialects import native
from provsdk.records import record

FORMATS = Path(__file__).parents[3] / "docs" / "formats"


def fields(module):
    own = [each for each in vars(module).values() if getattr(each, "__module__", None) == module.__name__]
    structs = [each for each in own if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    return sorted({name for each in structs for name in each.__struct_encode_fields__})


@pytest.mark.parametrize("field", fields(record))
def test_every_field_of_a_record_is_documented(field):
    assert f"`{field}`" in (FORMATS / "records.md").read_text()


@pytest.mark.parametrize("field", fields(native))
def test_every_fact_of_a_span_is_documented(field):
    assert f"`{field}`" in (FORMATS / "spans.md").read_text()


@pytest.mark.parametrize("name", [semconv.KIND, semconv.RECORD_ID, semconv.PARENT, semconv.FACTS, semconv.FACTS_PARTS])
def test_every_attribute_is_documented(name):
    assert f"`{name}`" in (FORMATS / "spans.md").read_text()
