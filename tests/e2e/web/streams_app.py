"""A service that streams in each way that FastAPI has; run by `test_streams.py` and its neighbours."""

import asyncio
import os
import time
from collections.abc import AsyncIterable, Iterable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

import provsdk
from provsdk import traced_output
from provsdk.asgi import DeliveryMiddleware

PAUSE_S = 0.02


@asynccontextmanager
async def lifespan(_):
    provsdk.configure(service="streams")
    yield
    await asyncio.to_thread(provsdk.shutdown)


class NamesItsProcess:
    """Says in a header of each response which process sends it."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def named(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-process", str(os.getpid()).encode())]
            await send(message)

        await self.app(scope, receive, named)


app = FastAPI(lifespan=lifespan)
app.add_middleware(DeliveryMiddleware)
app.add_middleware(NamesItsProcess)


class Sentence(BaseModel):
    """An item of a stream."""

    text: str


def sentence(n):
    return f"sentence {n} of the stream\n"


@traced_output("async-text")
async def texts(count):
    for n in range(count):
        await asyncio.sleep(PAUSE_S)
        yield sentence(n)


@app.get("/async-text")
async def async_text(count: int) -> StreamingResponse:
    return StreamingResponse(texts(count))


@traced_output("text")
def texts_from_a_thread(count):
    for n in range(count):
        time.sleep(PAUSE_S)
        yield sentence(n)


@app.get("/text")
def text(count: int) -> StreamingResponse:
    return StreamingResponse(texts_from_a_thread(count))


@app.get("/async-events", response_class=EventSourceResponse)
@traced_output("async-events")
async def async_events(count: int) -> AsyncIterable[Sentence]:
    for n in range(count):
        await asyncio.sleep(PAUSE_S)
        yield Sentence(text=sentence(n))


@app.get("/events", response_class=EventSourceResponse)
@traced_output("events")
def events(count: int) -> Iterable[ServerSentEvent]:
    for n in range(count):
        time.sleep(PAUSE_S)
        yield ServerSentEvent(raw_data=sentence(n))


@app.get("/lines")
@traced_output("lines")
async def lines(count: int) -> AsyncIterable[Sentence]:
    for n in range(count):
        await asyncio.sleep(PAUSE_S)
        yield Sentence(text=sentence(n))


@app.get("/joined")
async def joined(count: int) -> dict[str, str]:
    return {"answer": "".join([text async for text in texts(count)])}
