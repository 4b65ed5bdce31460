"""The documentation that is installed with every Python package: long descriptions and licence files, searchable."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackagePath, distributions
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Document", "Index", "Passage", "installed_documents"]

_LICENCE = re.compile(r"(^|/)(licen[cs]e|copying|notice)[^/]*$", re.IGNORECASE)
_WORD = re.compile(r"[a-z0-9]+")
_COMMON = frozenset(
    _WORD.findall(
        "a an and are as at be by can do does for from how i in is it its may of on or should that the their them they"
        " this to under was what when where which who why will with would you your"
    )
)


@dataclass(frozen=True, slots=True)
class Document:
    """A text that somebody else wrote."""

    title: str
    version: str
    """Of the distribution that it came with."""
    path: Path
    modified_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document."""

    title: str
    """Of the document."""
    number: int
    """In the document, from 1."""
    version: str
    path: Path
    modified_at: datetime
    text: str


def installed_documents() -> list[Document]:
    """Long descriptions and licence files of the distributions in this environment, sorted by title."""
    found = {document.title: document for one in distributions() for document in _documents_of(one)}
    return [found[title] for title in sorted(found)]


def _documents_of(distribution: Distribution) -> Iterator[Document]:
    name, version = distribution.metadata["Name"], distribution.version
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file)))
        if file.name == "METADATA" and file.parent.name.endswith(".dist-info"):
            text = distribution.metadata.get_payload()  # type: ignore[attr-defined] # what it really is: an email message
            yield from _document(f"{name}: description", version, path, str(text or ""))
        elif _LICENCE.search(str(file)) and ".dist-info/" in str(file):
            yield from _document(f"{name}: {_place(file)}", version, path, _read(path))


def _document(title: str, version: str, path: Path, text: str) -> Iterator[Document]:
    if len(text) >= 200 and path.exists():
        modified_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        yield Document(title, version, path, modified_at, text)


def _place(file: PackagePath) -> str:
    return "/".join(part for part in file.parts[1:] if part != "licenses")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


class Index:
    """Passages of documents in an SQLite full-text index, best match first."""

    def __init__(self, documents: list[Document]) -> None:
        self._passages = [passage for document in documents for passage in _passages_of(document)]
        self._database = sqlite3.connect(":memory:")
        self._database.execute("CREATE VIRTUAL TABLE passage USING fts5(title, text, tokenize = 'porter unicode61')")
        rows = ((n, one.title, one.text) for n, one in enumerate(self._passages))
        self._database.executemany("INSERT INTO passage(rowid, title, text) VALUES (?, ?, ?)", rows)

    def __len__(self) -> int:
        return len(self._passages)

    def search(self, question: str, limit: int) -> list[Passage]:
        """At most `limit` passages that share words with the question; a word in the title counts four times."""
        words = {word for word in _WORD.findall(question.lower()) if word not in _COMMON}
        if not words:
            return []
        query = " OR ".join(f'"{word}"' for word in sorted(words))
        ranked = "SELECT rowid FROM passage WHERE passage MATCH ? ORDER BY bm25(passage, 4.0, 1.0), rowid LIMIT ?"
        return [self._passages[n] for (n,) in self._database.execute(ranked, (query, limit))]


def _passages_of(document: Document) -> Iterator[Passage]:
    for number, piece in enumerate(_pieces(document.text), 1):
        yield Passage(document.title, number, document.version, document.path, document.modified_at, piece)


def _pieces(text: str, size: int = 900) -> Iterator[str]:
    """Paragraphs, joined until they are about `size` characters long."""
    piece = ""
    for paragraph in re.split(r"\n\s*\n", text):
        if piece and len(piece) + len(paragraph) > size:
            yield piece
            piece = ""
        piece = f"{piece}\n\n{paragraph.strip()}".strip()
    if piece:
        yield piece
