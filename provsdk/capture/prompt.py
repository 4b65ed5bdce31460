"""A prompt template by its name: what a model call's words were made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Prompt"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt template, for `traced_model_call(prompt_template=…)`.

    Name and version go on the span. The template's text is content: the record holds its digest, the span its join
    digest, and the text itself is kept only where `capture_content` says so.

    Args:
        name: what the template is called.
        version: of the template.
        template: its text before anything was filled in, or its messages.
    """

    name: str
    version: str | int | None = None
    template: Any = field(default=None, repr=False)
