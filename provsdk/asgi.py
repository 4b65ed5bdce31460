"""Around an ASGI application: what is streamed counts as delivered when the server has taken it.

    app = FastAPI()
    app.add_middleware(DeliveryMiddleware)

A generator knows that a chunk left it, not that a client got it: the server may be waiting for a slow client, or the
client may have gone. Within this middleware the record of a streamed output holds the digest and length of the chunks
that the server took, how many it did not take, and whether the client went away (`send` and `http.disconnect` of the
ASGI HTTP specification, 2.5). It is sealed before the end of the response leaves. A pass-through for everything that is
no HTTP request, for HEAD, which has no body, and where nothing is configured.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from provsdk.capture import ports
from provsdk.capture._delivery import Delivery, deliver_through
from provsdk.capture._streams import delivered, not_delivered, took

__all__ = ["DeliveryMiddleware"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class DeliveryMiddleware:
    """Tells streams what became of their chunks.

    Args:
        app: the ASGI application.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope.get("method") == "HEAD" or ports.current() is None:
            await self._app(scope, receive, send)
            return
        delivery = Delivery()
        deliver_through(delivery)

        async def watching_receive() -> Message:
            message = await receive()
            # A server says so too to whoever still listens when the response is complete.
            if message["type"] == "http.disconnect" and not delivery.over:
                delivery.disconnected = True
            return message

        async def counting_send(message: Message) -> None:
            is_body = message["type"] == "http.response.body"
            content = message.get("body") if is_body else None
            is_last = is_body and not message.get("more_body")
            if is_last and not delivery.disconnected:
                if content:
                    took(delivery, content)
                await delivered(delivery)
            try:
                await send(message)
            except OSError:  # a server that says so when the client has gone
                delivery.disconnected = True
                raise
            if content and not is_last and not delivery.disconnected:
                took(delivery, content)

        try:
            await self._app(scope, watching_receive, counting_send)
        finally:
            not_delivered(delivery)
