"""What a response says that it rests on: citations of Anthropic's, OpenAI's and Gemini's APIs, read by their shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from provsdk.capture._responses import count, items
from provsdk.digest import peek

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_CITATIONS", "Citation", "citations_of", "in_annotations", "in_block"]

MAX_CITATIONS: Final = 256
"""Of one response that are read."""


class Citation(NamedTuple):
    """One place of an answer, and what it is said to rest on."""

    answer: str
    """The text that it is in."""
    span: tuple[int, int]
    """Start and end there, in characters."""
    quoted: str | None = None
    """The words of the source, where the API repeats them."""
    location: str | None = None
    """A URL, or the provider's id of a file."""
    title: str | None = None


def citations_of(response: Any) -> list[Citation]:
    """Every citation in a response, in order; none of a value that is no response, or that cites nothing."""
    found = []
    for citation in _all(response):
        found.append(citation)
        if len(found) == MAX_CITATIONS:
            break
    return found


def _all(response: Any) -> Iterator[Citation]:
    for block in items(peek(response, "content")):
        yield from in_block(peek(block, "text"), peek(block, "citations"))
    for item in items(peek(response, "output")):
        for part in items(peek(item, "content")):
            yield from in_annotations(peek(part, "text"), peek(part, "annotations"))
    for choice in items(peek(response, "choices")):
        message = peek(choice, "message")
        yield from in_annotations(peek(message, "content"), peek(message, "annotations"))
    for candidate in items(peek(response, "candidates")):
        yield from _of_candidate(candidate)


def in_block(text: Any, citations: Any) -> Iterator[Citation]:
    """Of a block of Anthropic's: the whole of its text rests on what it cites."""
    answer = _text(text)
    if answer is None:
        return
    for cited in items(citations):
        title = peek(cited, "title") or peek(cited, "document_title")
        location = peek(cited, "url") or peek(cited, "source")
        quoted = _text(peek(cited, "cited_text"))
        yield Citation(answer, (0, len(answer)), quoted, _text(location), _text(title))


def in_annotations(answer: Any, annotations: Any) -> Iterator[Citation]:
    """Of a text of OpenAI's: a URL with the place that rests on it, or a file, at one place or without any."""
    text = _text(answer)
    if text is None:
        return
    for annotation in items(annotations):
        cited = peek(annotation, "url_citation") or annotation
        location = _text(peek(cited, "url")) or _text(peek(cited, "file_id"))
        if location is not None:
            start, end = count(peek(cited, "start_index")), count(peek(cited, "end_index"))
            span = (0, len(text)) if start is None or end is None else (start, end)
            yield Citation(text, span, None, location, _text(peek(cited, "title")) or _text(peek(cited, "filename")))


def _of_candidate(candidate: Any) -> Iterator[Citation]:
    """Gemini: segments of a part's text, in bytes of UTF-8, and the chunks that each rests on."""
    told = _either(candidate, "grounding_metadata", "groundingMetadata")
    chunks = items(_either(told, "grounding_chunks", "groundingChunks"))
    parts = items(peek(peek(candidate, "content"), "parts"))
    for support in items(_either(told, "grounding_supports", "groundingSupports")):
        segment = peek(support, "segment")
        part = count(_either(segment, "part_index", "partIndex")) or 0
        text = _text(peek(parts[part], "text")) if part < len(parts) else None
        if text is None:
            continue
        start = count(_either(segment, "start_index", "startIndex")) or 0
        end = count(_either(segment, "end_index", "endIndex")) or 0
        span = (_characters(text, start), _characters(text, end))
        for index in items(_either(support, "grounding_chunk_indices", "groundingChunkIndices")):
            number = count(index)
            if number is not None and number < len(chunks):
                yield _of_chunk(text, span, chunks[number])


def _of_chunk(answer: str, span: tuple[int, int], chunk: Any) -> Citation:
    held = peek(chunk, "web") or _either(chunk, "retrieved_context", "retrievedContext")
    return Citation(answer, span, _text(peek(held, "text")), _text(peek(held, "uri")), _text(peek(held, "title")))


def _characters(text: str, size: int) -> int:
    return len(text.encode("utf-8", "surrogatepass")[:size].decode("utf-8", "ignore"))


def _either(held: Any, *names: str) -> Any:
    return next((found for name in names if (found := peek(held, name)) is not None), None)


def _text(value: Any) -> str | None:
    return str.__str__(value) if isinstance(value, str) and value else None
