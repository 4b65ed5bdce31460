"""A chat-completions endpoint without a language model: it answers with sentences of the passages in the prompt.

It speaks enough of the protocol, streaming included, for the real `openai` client to talk to. The demo starts it where
no other endpoint is named, so that everything but the model itself is real.
"""

from __future__ import annotations

import json
import math
import re
import threading
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MODEL", "answer", "running"]

MODEL = "extractive-1"
SENTENCES = 2
NOT_FOUND = "The passages do not say."

_PASSAGE = re.compile(r"^\[(\d+)\] .*\n((?:(?!^\[\d+\] |^Question:).*\n?)*)", re.MULTILINE)
_QUESTION = re.compile(r"^Question: (.*)$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`*\"])|\n\s*\n|\n\s*(?=[-*+] )")
_WORD = re.compile(r"[a-z0-9]+")


class Sentence(NamedTuple):
    """One sentence of one passage."""

    passage: str
    text: str
    words: frozenset[str]


def answer(prompt: str) -> str:
    """The sentences that share most with the question, each with the number of its passage.

    Wants passages as `[1] title` with text below, and a line `Question: ...`; a word counts the more, the rarer it is.
    """
    asked = _words(" ".join(_QUESTION.findall(prompt)))
    sentences = [
        Sentence(number, text, _words(text)) for number, body in _PASSAGE.findall(prompt) for text in _sentences(body)
    ]
    spread = Counter(word for sentence in sentences for word in sentence.words)
    weight = {word: math.log(1 + len(sentences) / spread[word]) for word in asked & spread.keys()}

    def score(sentence: Sentence) -> float:
        return sum(weight.get(word, 0.0) for word in sentence.words) / math.sqrt(len(sentence.words) + 8)

    ranked = sorted((one for one in sentences if score(one) > 0), key=score, reverse=True)
    best = list({one.words: one for one in reversed(ranked)}.values())[::-1][:SENTENCES]  # licences repeat each other
    return " ".join(f"{one.text} [{one.passage}]" for one in best) or NOT_FOUND


def _sentences(body: str) -> list[str]:
    parts = (" ".join(part.split()).strip(" #=") for part in _SENTENCE_END.split(body))
    return [part for part in parts if 30 <= len(part) <= 400]


def _words(text: str) -> frozenset[str]:
    return frozenset(word.rstrip("s") for word in _WORD.findall(text.lower()) if len(word) > 2)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            self._send(404, {"error": {"message": f"no such path: {self.path}", "type": "invalid_request_error"}})
            return
        self._send(
            200, {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "demo"}]}
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/v1/chat/completions":
            self._send(404, {"error": {"message": f"no such path: {self.path}", "type": "invalid_request_error"}})
            return
        try:
            request = json.loads(body)
            prompt = "\n".join(str(message["content"]) for message in request["messages"])
        except (ValueError, KeyError, TypeError) as error:
            self._send(400, {"error": {"message": f"not a chat request: {error}", "type": "invalid_request_error"}})
            return
        text = answer(prompt)
        usage = _usage(prompt, text)
        if request.get("stream"):
            self._stream(text, usage if (request.get("stream_options") or {}).get("include_usage") else None)
        else:
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            self._send(200, {**_head("chat.completion"), "choices": [choice], "usage": usage})

    def _stream(self, text: str, usage: dict[str, int] | None) -> None:
        """Server-sent events: the role, a word at a time, why it ended, and where asked for, the usage."""
        head = _head("chat.completion.chunk")
        deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word} for word in re.findall(r"\S+\s*", text)]
        events: list[dict[str, Any]] = [
            {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
        ]
        events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if usage is not None:
            events.append({**head, "choices": [], "usage": usage})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in [*(json.dumps(event) for event in events), "[DONE]"]:
            self.wfile.write(f"data: {event}\n\n".encode())
            self.wfile.flush()
        self.close_connection = True

    def _send(self, status: int, payload: dict[str, Any]) -> None:
        body = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the interface of the standard library
        """Says nothing: the demo's own output is what is to be read."""


def _head(kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": MODEL}


def _usage(prompt: str, text: str) -> dict[str, int]:
    """Words in place of tokens: there is no tokenizer here."""
    read, written = len(prompt.split()), len(text.split())
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


@contextmanager
def running() -> Iterator[str]:
    """The server on a free port of 127.0.0.1, for as long as the block; its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, name="extractive-server", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
