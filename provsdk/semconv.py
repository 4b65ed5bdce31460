"""Names of spans and attributes, ours and, as dialects come, theirs; nothing else.

A native span carries four attributes. `FACTS` is one JSON object, described in `docs/formats/spans.md`; where it would
be longer than `FACTS_LIMIT_BYTES`, it is cut into numbered child spans named `FACTS_SPAN`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

KIND: Final = "provsdk.kind"
"""Which kind of activity the span is: one of the KIND_ values."""

RECORD_ID: Final = "provsdk.record_id"
"""Record that the span belongs to; on an output's span, its own."""

PARENT: Final = "provsdk.parent"
"""Nearest native parent as `<trace id>-<span id>`; on an output's span, the activity that it is nested in."""

FACTS: Final = "provsdk.facts"
"""JSON object of what the span says besides its name, times and status."""

FACTS_PART: Final = "provsdk.facts.part"
"""On a `FACTS_SPAN`: the position of its piece of the JSON text, from 0."""

FACTS_PARTS: Final = "provsdk.facts.parts"
"""On a native span whose facts were cut: the number of pieces."""

FACTS_SPAN: Final = "provsdk.facts"
"""Name of the child spans that carry pieces of facts that were too long."""

FACTS_LIMIT_BYTES: Final = 65_536

KIND_OUTPUT: Final = "output"
KIND_SOURCE: Final = "source"
KIND_TRANSFORMATION: Final = "transformation"
KIND_MODEL_CALL: Final = "model_call"
KIND_POLICY_CHECK: Final = "policy_check"

GEN_AI: Final[Mapping[str, str]] = MappingProxyType({
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.request.model",
    "response_model": "gen_ai.response.model",
    "response_id": "gen_ai.response.id",
    "finish_reasons": "gen_ai.response.finish_reasons",
    "time_to_first_chunk_s": "gen_ai.response.time_to_first_chunk",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_write.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
})  # fmt: skip
"""On a model call's span, beside its facts: what OpenTelemetry's conventions for generative AI call the same."""

GEN_AI_REQUEST: Final[Mapping[str, str]] = MappingProxyType({
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "seed": "gen_ai.request.seed",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
})  # fmt: skip
"""Parameters that go there too, where they are numbers: the APIs' own names for the same thing differ."""

GEN_AI_PROMPT_NAME: Final = "gen_ai.prompt.name"
GEN_AI_PROMPT_VERSION: Final = "gen_ai.prompt.version"

SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
DEPLOYMENT_ENVIRONMENT: Final = "deployment.environment.name"
VCS_REVISION: Final = "vcs.ref.head.revision"
CONTAINER_IMAGE_NAME: Final = "container.image.name"
CONTAINER_IMAGE_ID: Final = "container.image.id"
CONTAINER_IMAGE_DIGESTS: Final = "container.image.repo_digests"
CONTAINER_IMAGE_TAGS: Final = "container.image.tags"

FROM_RESOURCE: Final = (
    SERVICE_NAME,
    SERVICE_VERSION,
    DEPLOYMENT_ENVIRONMENT,
    VCS_REVISION,
    CONTAINER_IMAGE_NAME,
    CONTAINER_IMAGE_ID,
    CONTAINER_IMAGE_DIGESTS,
    CONTAINER_IMAGE_TAGS,
)
"""Attributes of a resource that say what a record's environment may say: versions, no names of machines or people."""
