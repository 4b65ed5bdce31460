"""A web service whose every answer has a record: whole, streamed as server-sent events, and made in the background.

    pip install ../.. fastapi uvicorn    # from this directory of a clone
    uvicorn app:app
    curl 'http://127.0.0.1:8000/ask?question=How+long+do+you+keep+a+parcel'
    curl -N 'http://127.0.0.1:8000/stream?question=How+long+do+you+keep+a+parcel'
    provsdk list

The "model" answers with sentences of the passages that it is given, so that this runs without a key. Put the call of
your own model in its place; the decorators stay as they are.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse

import provsdk
from provsdk import traced_check, traced_model_call, traced_output, traced_source
from provsdk.asgi import DeliveryMiddleware

SHELF = Path(__file__).parent / "handbook"
CHUNK_WORDS = 3


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Configured before the first request, flushed after the last one."""
    provsdk.configure(service="help-desk", owner="help-desk@example.org")
    yield
    await asyncio.to_thread(provsdk.shutdown)


app = FastAPI(lifespan=lifespan)
app.add_middleware(DeliveryMiddleware)


@traced_source(type="file", each=True, name=lambda item: item.splitlines()[0], location="handbook/")
def passages(question: str) -> list[str]:
    """The pages of the handbook that share the most words with the question."""
    asked = words(question)
    pages = sorted(page.read_text(encoding="utf-8") for page in SHELF.glob("*.txt"))
    return sorted(pages, key=lambda page: -len(asked & words(page)))[:2]


@traced_model_call(provider="example", model="extractive-1")
async def complete(pages: list[str], question: str) -> AsyncIterator[str]:
    """Streams the sentence that fits the question best; a model of yours streams its own words."""
    asked = words(question)
    bodies = [page.partition("\n")[2] for page in pages]  # below the title
    sentences = [sentence for body in bodies for sentence in re.split(r"(?<=[.!?])\s+", body)]
    best = max(sentences, key=lambda sentence: len(asked & words(sentence)), default="I do not know.").split()
    for start in range(0, len(best), CHUNK_WORDS):
        await asyncio.sleep(0.02)  # a model takes its time
        yield " ".join(best[start : start + CHUNK_WORDS]) + " "


@traced_check("no-empty-answer", type="content_filter")
def says_something(answer: str) -> bool:
    """Recorded as a verdict; nothing is withheld."""
    return bool(answer.strip())


@traced_output("answer", session=lambda session: session, subjects=lambda session: [session])
async def answer(question: str, session: str) -> str:  # noqa: ARG001 the decorator takes it
    """One decorator makes the record; the others say what the answer is made of."""
    text = "".join([chunk async for chunk in complete(passages(question), question)]).strip()
    says_something(text)
    return text


@traced_output("streamed-answer", session=lambda session: session)
async def events(question: str, session: str) -> AsyncIterator[str]:  # noqa: ARG001 as above
    """The same as server-sent events: the record holds what the client was sent, however it ended."""
    async for chunk in complete(passages(question), question):
        yield f"data: {chunk}\n\n"
    yield "event: end\ndata:\n\n"


@traced_output("digest")
def weekly_digest(questions: list[str]) -> str:
    """An output that nobody waits for."""
    return "Asked this week: " + "; ".join(sorted(questions))


@app.get("/ask")
async def ask(question: str, background: BackgroundTasks, session: str = "anonymous") -> dict[str, str]:
    """A whole answer, sealed before the response leaves."""
    background.add_task(weekly_digest, [question])
    return {"answer": await answer(question, session)}


@app.get("/stream")
async def stream(question: str, background: BackgroundTasks, session: str = "anonymous") -> StreamingResponse:
    """The answer word by word."""
    background.add_task(weekly_digest, [question])
    return StreamingResponse(events(question, session), media_type="text/event-stream")


def words(text: str) -> set[str]:
    """Lower-case words of more than three letters."""
    return {word for word in re.findall(r"\w+", text.lower()) if len(word) > 3}
