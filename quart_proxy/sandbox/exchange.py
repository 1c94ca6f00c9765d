"""One call, answered as its scenario says."""

import asyncio
import gzip
import time
from dataclasses import dataclass

from aiohttp import web

from quart_proxy.sandbox.call import ID, STAMP, Call, Format, Frame, encode
from quart_proxy.sandbox.ledger import Entry, Ledger
from quart_proxy.sandbox.scenarios import Scenario
from quart_proxy.sandbox.staging import Ending, ending_of, plan_stream, render_body, render_burst
from quart_proxy.sandbox.wire import Wire, wait_until_gone

CANARY_PATH = "/_sandbox/canary"
HTML_PAGE = b"<html><head><title>Sandbox</title></head><body><h1>The sandbox was asked for HTML</h1></body></html>\n"
REFUSAL = "The sandbox was asked for this error."
ENDLESS_PADDING = b" " * 1024
EVENT_STREAM = "text/event-stream; charset=utf-8"
JSON = "application/json"


@dataclass(slots=True)
class Exchange:
    request: web.Request
    speaker: Format
    ledger: Ledger
    entry: Entry
    call: Call
    document: bytes | None = None
    """The answer of an endpoint that does not stream; None when the format's own is the answer."""
    free: bool = False

    async def answer(self) -> web.StreamResponse:
        try:
            return await self._answer()
        except ConnectionError:
            self.entry.client_gone = True
            return web.Response()

    async def _answer(self) -> web.StreamResponse:
        scenario = self.call.scenario
        if not (self.free or _is_refusal(scenario) or scenario.hang or scenario.endless):
            self.ledger.promise(self.entry, self.call.counts)
        if scenario.first_byte_ms:
            await asyncio.sleep(scenario.first_byte_ms / 1000)
        if scenario.hang:
            await wait_until_gone(self.request)
        if _is_refusal(scenario):
            return self._refuse()
        if self.entry.stream and self.document is None:
            return await self._stream()
        return await self._document()

    def _refuse(self) -> web.Response:
        scenario = self.call.scenario
        status = 302 if scenario.redirect else scenario.status or 200
        headers = self._headers(JSON)
        if scenario.redirect:
            headers["Location"] = str(self.request.url.origin()) + CANARY_PATH
        if scenario.retry_after is not None:
            headers["Retry-After"] = str(scenario.retry_after)
        if scenario.html:
            headers["Content-Type"] = "text/html; charset=utf-8"
        self.entry.status = status
        return web.Response(status=status, headers=headers, body=self._error_body(status))

    def _error_body(self, status: int) -> bytes:
        scenario = self.call.scenario
        if scenario.html:
            return HTML_PAGE
        error = self.speaker.render_error(status, REFUSAL)
        if scenario.usage == "1":
            error["usage"] = self.speaker.render_usage(self.call, self.call.counts)
        return self._own(encode(error))

    async def _document(self) -> web.StreamResponse:
        scenario = self.call.scenario
        body = self._own(self.document or render_body(self.call, self.speaker))
        headers = self._headers(JSON)
        if scenario.gzip:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        ending = Ending.FIN if scenario.eof_after is not None else ending_of(scenario)
        if ending is Ending.WHOLE and not scenario.split and not scenario.endless:
            self._note(Frame(body, usage=scenario.reports_valid_usage, terminal=True))
            self.entry.status = 200
            return web.Response(body=body, headers=headers)
        return await self._document_in_pieces(body, headers, ending)

    async def _document_in_pieces(self, body: bytes, headers: dict[str, str], ending: Ending) -> web.StreamResponse:
        """A document that breaks lacks its last byte: enough to make it none, whatever else is in it."""
        scenario = self.call.scenario
        response = await self._prepare(headers, length=None if scenario.endless else len(body))
        wire = Wire(self.request, response, Scenario(split=scenario.split))
        if scenario.endless:
            await wire.write(body[:-1])
            while True:
                await wire.write(ENDLESS_PADDING)
        if ending is Ending.WHOLE:
            self._note(Frame(body, usage=scenario.reports_valid_usage, terminal=True))
            await wire.write(body)
        else:
            await wire.write(body[:-1])
        await wire.end(ending)
        return response

    async def _stream(self) -> web.StreamResponse:
        scenario = self.call.scenario
        headers = self._headers(EVENT_STREAM) | {"Cache-Control": "no-cache"}
        if scenario.gzip:
            headers["Content-Encoding"] = "gzip"
        response = await self._prepare(headers)
        wire = Wire(self.request, response, scenario)
        if scenario.burst and not scenario.endless:
            frame = render_burst(self.call, self.speaker)
            self._note(frame)
            await wire.write(self._own(frame.data))
            await wire.end(ending_of(scenario))
            return response
        plan = plan_stream(self.call, self.speaker)
        pace = Pace(scenario)
        for frame in plan.frames:
            await pace.wait()
            self._note(frame)
            await wire.write(self._own(frame.data))
        await wire.end(plan.ending)
        return response

    async def _prepare(self, headers: dict[str, str], length: int | None = None) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        if length is not None:
            response.content_length = length
        self.entry.status = 200
        await response.prepare(self.request)
        return response

    def _note(self, frame: Frame) -> None:
        """Before the bytes go: whoever has read them finds them in the ledger."""
        self.entry.events_sent += 1
        if frame.usage:
            self.ledger.note_usage_sent(self.entry)
        if frame.terminal:
            self.entry.terminal_sent = True

    def _own(self, data: bytes) -> bytes:
        """Bytes that were rendered for many calls, made those of this one."""
        data = data.replace(ID.encode(), f"{self.entry.number:016x}".encode())
        return data.replace(STAMP.encode(), str(time.monotonic_ns()).encode()) if self.call.scenario.stamp else data

    def _headers(self, content_type: str) -> dict[str, str]:
        return {"Content-Type": content_type, self.speaker.request_id_header: self.entry.request_id or ""}


class Pace:
    """When the next event is due."""

    def __init__(self, scenario: Scenario) -> None:
        self._delay_s = (scenario.delay_ms or 0) / 1000
        self._interval_s = 1 / scenario.rate if scenario.rate else 0.0
        self._start_s = time.monotonic()
        self._events = 0

    async def wait(self) -> None:
        self._events += 1
        if self._events == 1:
            return
        if self._interval_s:
            due_s = self._start_s + (self._events - 1) * self._interval_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        else:
            # Even without a delay each event is a write of its own, as it is when a model makes them.
            await asyncio.sleep(self._delay_s)


def _is_refusal(scenario: Scenario) -> bool:
    return bool(scenario.status or scenario.redirect or scenario.html or scenario.error_in_200)
