"""Calling a provider: what leaves, and what each way to fail becomes."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from quart_proxy.core.errors import StreamInterrupted, UpstreamTimeout, UpstreamUnreachable
from quart_proxy.upstream.client import Timeouts, UpstreamClient

SLOW = Timeouts(connect_s=5, first_byte_s=5, idle_s=5, total_s=5)
QUICK = Timeouts(connect_s=0.3, first_byte_s=0.3, idle_s=0.3, total_s=1.0)
GIVEN = {"content-type": "application/json", "x-api-key": "k"}
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    client = UpstreamClient(allow_private=True)
    await client.start()
    yield client
    await client.close()


class Peer:
    """A provider that runs `script` on each connection, after the request's head."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._context = context
        self.heads: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Peer":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._context)
        self.url = f"http{'s' if self._context else ''}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await reader.readexactly(2)
                await self._script(reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


def says(data: bytes) -> Script:
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return script


async def hang(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def test_a_request_has_the_headers_given_and_no_compression(client: UpstreamClient) -> None:
    async with Peer(says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")) as peer:
        exchange = await client.open(peer.url, headers=GIVEN, body=b"{}", timeouts=QUICK)
        assert await exchange.read(10) == (b"{}", True)
        await exchange.close()
    lines = {line.split(b":")[0].lower() for line in peer.heads[0].splitlines()[1:] if line}
    own = {b"host", b"accept-encoding", b"user-agent", b"content-length", b"accept"}
    assert lines == own | {name.encode() for name in GIVEN}
    assert b"accept-encoding: identity" in peer.heads[0].lower()


async def test_what_a_format_says_behind_the_path_is_sent_as_it_is(client: UpstreamClient) -> None:
    async with Peer(says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")) as peer:
        url = f"{peer.url}/models/a%2Fb:streamGenerateContent?alt=sse"
        exchange = await client.open(url, headers={}, body=b"{}", timeouts=QUICK)
        assert await exchange.read(10) == (b"{}", True)
        await exchange.close()
    assert peer.heads[0].startswith(b"POST /v1/models/a%2Fb:streamGenerateContent?alt=sse HTTP/1.1\r\n")


async def test_a_connection_whose_answer_was_read_is_used_again(client: UpstreamClient) -> None:
    ports = []

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.append(writer.get_extra_info("peername"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async with Peer(script) as peer:
        for _ in range(3):
            exchange = await client.open(peer.url, headers={}, body=b"{}", timeouts=QUICK)
            await exchange.read(10)
            await exchange.close()
    assert len(set(ports)) == 1


async def test_a_connection_whose_answer_was_not_read_is_cut(client: UpstreamClient) -> None:
    async with Peer(says(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}")) as peer:
        for _ in range(3):
            exchange = await client.open(peer.url, headers={}, body=b"{}", timeouts=QUICK)
            await exchange.close()
    assert len(peer.heads) == 3


async def test_a_body_larger_than_asked_for_is_cut_off(client: UpstreamClient) -> None:
    async with Peer(says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789")) as peer:
        exchange = await client.open(peer.url, headers={}, body=b"{}", timeouts=QUICK)
        assert await exchange.read(4) == (b"1234", False)
        await exchange.close()


async def test_silence_before_the_head_is_a_timeout(client: UpstreamClient) -> None:
    async with Peer(hang) as peer:
        with pytest.raises(UpstreamTimeout):
            await client.open(peer.url, headers={}, body=b"{}", timeouts=QUICK)


async def test_silence_in_the_body_is_a_timeout(client: UpstreamClient) -> None:
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}")
        await asyncio.sleep(60)

    async with Peer(script) as peer:
        exchange = await client.open(peer.url, headers={}, body=b"{}", timeouts=QUICK)
        with pytest.raises(UpstreamTimeout, match="between two bytes"):
            await exchange.read(100)
        await exchange.close()


async def test_a_body_that_never_ends_is_a_timeout_in_all(client: UpstreamClient) -> None:
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.02)

    async with Peer(script) as peer:
        exchange = await client.open(peer.url, headers={}, body=b"{}", timeouts=QUICK)
        with pytest.raises(UpstreamTimeout, match="in all"):
            await exchange.read(10_000)
        await exchange.close()


async def test_a_short_body_is_an_interruption(client: UpstreamClient) -> None:
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}")
        writer.close()

    async with Peer(script) as peer:
        exchange = await client.open(peer.url, headers={}, body=b"{}", timeouts=QUICK)
        with pytest.raises(StreamInterrupted):
            await exchange.read(100)
        await exchange.close()


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    (folder / "server.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


async def test_a_server_that_nobody_vouches_for_is_unreachable(client: UpstreamClient, tmp_path: Path) -> None:
    async with Peer(hang, self_signed(tmp_path)) as peer:
        with pytest.raises(UpstreamUnreachable):
            await client.open(peer.url, headers={"x-api-key": "k"}, body=b"{}", timeouts=SLOW)
        assert peer.heads == []


async def test_a_server_that_does_not_speak_tls_is_not_answered_for(client: UpstreamClient) -> None:
    async with Peer(says(b"not TLS")) as peer:
        with pytest.raises((UpstreamUnreachable, UpstreamTimeout)):
            await client.open(peer.url.replace("http:", "https:"), headers={}, body=b"{}", timeouts=QUICK)


@pytest.mark.parametrize(
    "headers", [{"x-provider": "caf\u00e9"}, {"x-provider": "a\r\nx-evil: 1"}, {"bad name": "x"}], ids=str
)
async def test_a_header_that_http_cannot_say_is_unreachable_and_never_sent(
    client: UpstreamClient, headers: dict[str, str]
) -> None:
    async with Peer(hang) as peer:
        with pytest.raises((UpstreamUnreachable, UpstreamTimeout)):
            await client.open(peer.url, headers=headers, body=b"{}", timeouts=QUICK)
    assert not any(b"x-evil:" in head for head in peer.heads)


async def test_a_private_address_is_not_called_where_that_is_forbidden() -> None:
    client = UpstreamClient(allow_private=False)
    await client.start()
    try:
        async with Peer(hang) as peer:
            for url in (peer.url, peer.url.replace("http:", "https:"), "https://localhost:1/v1", f"{peer.url}?alt=sse"):
                with pytest.raises(UpstreamUnreachable):
                    await client.open(url, headers={}, body=b"{}", timeouts=QUICK)
            assert peer.heads == []
    finally:
        await client.close()


async def test_cancelled_calls_lose_no_connection(client: UpstreamClient) -> None:
    async with Peer(says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")) as peer:

        async def call() -> bytes:
            exchange = await client.open(peer.url, headers={}, body=b"{}", timeouts=QUICK)
            try:
                return (await exchange.read(10))[0]
            finally:
                await exchange.close()

        for _ in range(50):
            task = asyncio.create_task(call())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert await asyncio.gather(*(call() for _ in range(20))) == [b"{}"] * 20
