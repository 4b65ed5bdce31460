"""Streams as the clients of model APIs return them: iterators that are context managers and can be closed."""

import asyncio


class Chunks:
    def __init__(self, chunks):
        self.chunks = iter(chunks)
        self.closed = False
        self.response = "what else it carries"

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.chunks)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.closed = True


class AsyncChunks:
    def __init__(self, chunks):
        self.chunks = iter(chunks)

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        try:
            return next(self.chunks)
        except StopIteration:
            raise StopAsyncIteration from None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        await self.close()

    async def close(self):
        pass
