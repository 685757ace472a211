# SPDX-License-Identifier: BSL-1.0
"""`async for message in subscriber`, by the subscriber's descriptor."""
import asyncio


class Messages:
    """The messages of a subscriber for one `async for` loop, each awaited."""

    def __init__(self, subscriber):
        self._subscriber = subscriber
        self._descriptor = subscriber.fileno()

    def __aiter__(self):
        return self

    async def __anext__(self):
        subscriber = self._subscriber
        while not subscriber.closed:
            message = subscriber.next()
            if message is not None:
                return message
            if subscriber.wait_result not in ("message", "timeout"):
                break
            await self._readable()
        raise StopAsyncIteration

    async def _readable(self):
        loop = asyncio.get_running_loop()
        ready = loop.create_future()

        def wake():
            if not ready.done():
                ready.set_result(None)

        # Refuses a second task: a descriptor has one reader in a loop.
        self._subscriber._on_close(lambda: loop.call_soon_threadsafe(wake))
        try:
            loop.add_reader(self._descriptor, wake)
            try:
                await ready
            finally:
                loop.remove_reader(self._descriptor)
        finally:
            self._subscriber._on_close(None)
