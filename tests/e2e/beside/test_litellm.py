"""The real LiteLLM: its answers, and its streams, which may be read in either way, are model calls."""

import json
from pathlib import Path

from provsdk.store.open import open_store

PROGRAM = Path(__file__).with_name("litellm_calls.py")
ANSWER = "We keep a parcel for ten days."


def test_its_answers_and_its_streams_are_recorded_however_they_are_read(run, tmp_path):
    answers = json.loads(run(PROGRAM).stdout.splitlines()[-1])

    with_places = {name: tmp_path / name for name in ("keys", "state")}
    store = open_store(tmp_path / "store", **with_places, read_only=True)
    records = {record.output.name: record for record in (store.fold(one.record_id).record for one in store.summaries())}
    store.close()
    assert all(text.startswith(ANSWER) for text in answers)
    assert records.keys() == {"whole", "stream", "astream", "router", "retried"}
    for record in records.values():
        (call,) = record.model_calls
        assert (call.status, call.provider, call.response_model) == ("completed", "openai", "extractive-1")
        assert call.finish_reasons == ["stop"]
        assert call.output_tokens > 0
        assert record.completeness.complete
        made = {each.entity_id for each in call.results}
        assert any(edge.from_ == record.output.output_id and edge.to in made for edge in record.flow)
    assert records["whole"].model_calls[0].parameters == {"temperature": 0}
    assert all(records[name].model_calls[0].stream.chunks > 1 for name in ("stream", "astream", "router"))
    assert records["retried"].model_calls[0].retries == 2
