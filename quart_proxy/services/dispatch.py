"""From an authenticated request to a running relay: route it, admit it, leave word of it, start it."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from quart_proxy.core.errors import ClientError, ProxyError, Unavailable, UpstreamError
from quart_proxy.core.formats import ClientFormat, ClientRequest
from quart_proxy.core.record import Exchange, Outcome
from quart_proxy.services.admission import Hold, expected_cost
from quart_proxy.services.auth import Caller
from quart_proxy.services.relay import Relay, RelayContext
from quart_proxy.services.relay_pool import RelayPool
from quart_proxy.services.routing import Route, Router
from quart_proxy.services.spool import SpoolBroken


def new_request_id() -> UUID:
    """The billing id of a request. Made here, never by a client: a repeated id would be a free request."""
    return uuid7()


class Dispatcher:
    """Starts the relays of a worker."""

    def __init__(self, router: Router, context: RelayContext, pool: RelayPool) -> None:
        self._router = router
        self._context = context
        self._pool = pool

    async def dispatch(
        self,
        *,
        request_id: UUID,
        caller: Caller,
        endpoint: str,
        format: ClientFormat,
        request: ClientRequest,
        body_bytes: int,
        client_request_id: str | None,
        client_agent: str | None = None,
    ) -> Relay:
        """Start the relay of one request. Raises every ClientError that refuses it and MissingKey, leaving a row that
        says so, and Unavailable when its charge could not be made durable."""
        exchange = Exchange(
            request_id=request_id,
            user_id=caller.user_id,
            api_key_id=caller.key_id,
            model=request.model,
            endpoint=endpoint,
            streamed=request.is_streaming,
            started_at=datetime.now(UTC).isoformat(),
            client_request_id=client_request_id,
            client_agent=client_agent,
            user_name=caller.user_name,
        )
        if not self._context.settler.can_bill:
            raise _unrecordable()
        try:
            route = await self._router.find_route(caller, request.model, format)
            exchange.model, exchange.model_id = route.model.display_name, route.model.id
            expected = expected_cost(
                route.model.price,
                body_bytes=body_bytes,
                output_tokens=request.output_tokens_max or route.output_tokens_held,
            )
            hold = await self._context.admission.admit(caller, expected)
        except (ClientError, UpstreamError) as error:
            self._note_refusal(exchange, error)
            raise
        return self._start(exchange, format, request, route, hold)

    def _start(
        self, exchange: Exchange, format: ClientFormat, request: ClientRequest, route: Route, hold: Hold
    ) -> Relay:
        # The first to be tried: what a killed process leaves word of.
        exchange.upstream = route.targets[0].upstream.name
        exchange.actual_model = route.targets[0].upstream.actual_model
        relay = Relay(self._context, exchange=exchange, format=format, request=request, route=route, hold=hold)
        try:
            self._context.settler.begin(exchange)
            self._pool.start(relay)
        except SpoolBroken as error:
            self._context.admission.release(hold)
            raise _unrecordable() from error
        except Unavailable as error:
            self._context.admission.release(hold)
            # Its intent was noted: without a row it would be called interrupted one day.
            self._note_refusal(exchange, error)
            raise
        return relay

    def _note_refusal(self, exchange: Exchange, error: ProxyError) -> None:
        exchange.outcome, exchange.status, exchange.error_code = Outcome.REFUSED, error.status, error.code
        self._context.settler.settle(exchange)
        self._context.metrics.count_exchange(exchange)


def _unrecordable() -> Unavailable:
    return Unavailable("Charges cannot be recorded at the moment; try again shortly.", retry_after_s=5)
