"""What one exchange comes to: its usage priced and written down, or why there is none, and made durable once."""

import logging
from decimal import Decimal

from quart_proxy.core.pricing import Price, charge
from quart_proxy.core.record import Exchange, Outcome
from quart_proxy.core.usage import Reading
from quart_proxy.metrics import Metrics
from quart_proxy.services.admission import Admission, Hold
from quart_proxy.services.billing import Settler

logger = logging.getLogger(__name__)


class Bill:
    """The bill of `exchange`, at the price that it was admitted with. Settling it ends its hold."""

    def __init__(
        self, exchange: Exchange, price: Price, hold: Hold, *, settler: Settler, admission: Admission, metrics: Metrics
    ) -> None:
        self._exchange = exchange
        self._price = price
        self._hold = hold
        self._settler = settler
        self._admission = admission
        self._metrics = metrics

    @property
    def is_decided(self) -> bool:
        """Whether the provider has told a usage, be it one that is no count: no other one may answer then."""
        return self._exchange.usage is not None or self._exchange.outcome is Outcome.USAGE_INVALID

    def write(self, reading: Reading, otherwise: Outcome, *, is_broken: bool = False) -> None:
        """Write the charge into the exchange, or `otherwise`, why there is none."""
        exchange = self._exchange
        if reading.unpriced:
            self._alarm(reading.unpriced)
        if reading.usage is None:
            exchange.outcome = otherwise if reading.invalid is None else Outcome.USAGE_INVALID
            if reading.invalid is not None:
                exchange.error_code = reading.invalid
            return
        exchange.usage = reading.usage
        exchange.cost = charge(reading.usage, self._price).cost
        exchange.price_id = self._price.id
        is_broken = is_broken or otherwise is Outcome.UPSTREAM_ERROR
        exchange.outcome = Outcome.ERROR_AFTER_USAGE if is_broken else Outcome.COMPLETED

    async def settle(self) -> Decimal:
        """Make the row durable, and give back what was held. Tells the user's balance with this charge in it: as the
        settlement told it or, where the charge waits in the spool, the last one known less this charge."""
        exchange = self._exchange
        exchange.status = exchange.status or 200
        try:
            settled = await self._settler.settle(exchange)
            return self._hold.account.balance - exchange.cost if settled is None else settled
        finally:
            self._admission.release(self._hold, cost=exchange.cost, tokens=exchange.tokens)

    def _alarm(self, fields: tuple[str, ...]) -> None:
        self._metrics.unpriced_usage.inc()
        facts = {
            "request_id": f"req_{self._exchange.request_id.hex}",
            "model": self._exchange.model,
            "usage_fields": list(fields),
        }
        logger.error("usage_without_price", extra={"fields": facts})
