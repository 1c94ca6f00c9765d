"""Name resolution that passes on only addresses that may be called."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from quart_proxy.upstream.addresses import check_address


class GuardedResolver(AbstractResolver):
    """Resolves names in a thread, so a slow name server blocks no one else."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            check_address(result["host"], allow_private=self._allow_private)
        return found

    async def close(self) -> None:
        await self._resolver.close()
