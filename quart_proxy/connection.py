"""How a request enters Quart: like Quart's own way, with half the tasks.

Quart runs each request in one task and waits for its client to hang up in another, watched by a third. Here the
server's task does the work itself, and one more listens to the client.
"""

import asyncio

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart.asgi import ASGIHTTPConnection


class Connection(ASGIHTTPConnection):
    """One request and its answer. A client that hangs up cancels the handler, as in Quart."""

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        request = self._create_request_from_scope(send)
        handler = asyncio.current_task()
        assert handler is not None
        listener = asyncio.create_task(self.handle_messages(request, receive))
        listener.add_done_callback(lambda ended: None if ended.cancelled() else handler.cancel())
        try:
            await self.handle_request(request, send)
        except asyncio.CancelledError:
            # From the listener, the client is gone and nobody is told; from elsewhere it is meant for this task.
            if not listener.done() or handler.uncancel() > 0:
                raise
        finally:
            listener.cancel()
