"""Everything that can go wrong with a request, as one tree.

    ProxyError                    code, type, status, a sentence that is safe to show
    ├── ClientError               the caller can mend it
    │   ├── InvalidRequest            400   names the field
    │   ├── Unauthenticated           401
    │   │   ├── KeyExpired
    │   │   └── KeyRevoked
    │   ├── BalanceExhausted          402
    │   ├── SpendLimitExceeded        402
    │   ├── PermissionDenied          403
    │   │   ├── UserDisabled
    │   │   └── ModelNotAllowed
    │   ├── NotFound                  404
    │   │   └── ModelNotFound             names the nearest
    │   ├── MethodNotAllowed          405
    │   ├── Conflict                  409
    │   │   └── PlanRefused               carries the plan: conflicts, or a guard
    │   │       └── StalePlan
    │   ├── PreconditionFailed        412   carries the current document
    │   ├── BodyTooLarge              413
    │   ├── UnsupportedEncoding       415
    │   ├── InvalidFields             422   carries every fault
    │   ├── InvalidRegistry           422   carries every fault with its place
    │   ├── Untranslatable            422   names the field
    │   ├── FieldLocked               423   names the field, and the line that owns it
    │   ├── PreconditionRequired      428
    │   ├── RateLimited               429   carries retry_after_s
    │   │   └── BalanceReserved
    │   └── BodyTimeout               408
    ├── UpstreamError             the provider's doing
    │   ├── UpstreamRejected          its own 4xx, its own sentence
    │   ├── UpstreamRateLimited       429
    │   ├── UpstreamFailed            502
    │   │   └── MissingKey                our own key for the provider is not to be had
    │   ├── UpstreamOverloaded        529
    │   ├── UpstreamUnreachable       502
    │   ├── UpstreamTimeout           504
    │   └── StreamInterrupted         502   after the first byte: becomes an error event
    └── ServerError               ours
        ├── Unavailable               503   carries retry_after_s
        └── InternalError             500

Facts are attributes, the sentence is made once, here. A format renders an error in its own shape, by the
two type names that each class carries. No status number stands anywhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from quart_proxy.core.limits import Allowances


class ProxyError(Exception):
    """An answer other than the one asked for. `message` is a sentence that any caller may read."""

    status: int = 500
    code: str = "internal_error"
    openai_type: ClassVar[str] = "server_error"
    anthropic_type: ClassVar[str] = "api_error"
    is_retryable: bool = True
    """Whether the same request may succeed later without anyone mending anything."""

    def __init__(self, message: str, *, param: str | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s

    @property
    def details(self) -> Mapping[str, Any]:
        """What an answer carries beside the sentence, by its name there."""
        return {}


class ClientError(ProxyError):
    status = 400
    code = "invalid_request"
    openai_type = "invalid_request_error"
    anthropic_type = "invalid_request_error"


class InvalidRequest(ClientError):
    """The request cannot be understood; `param` names the field."""


class Unauthenticated(ClientError):
    status = 401
    code = "invalid_api_key"
    anthropic_type = "authentication_error"


class KeyExpired(Unauthenticated):
    code = "key_expired"


class KeyRevoked(Unauthenticated):
    code = "key_revoked"


class BalanceExhausted(ClientError):
    status = 402
    code = "insufficient_balance"
    openai_type = "insufficient_quota"
    anthropic_type = "billing_error"


class SpendLimitExceeded(BalanceExhausted):
    code = "spend_limit_exceeded"


class PermissionDenied(ClientError):
    status = 403
    code = "permission_denied"
    openai_type = "permission_error"
    anthropic_type = "permission_error"


class UserDisabled(PermissionDenied):
    code = "user_disabled"


class ModelNotAllowed(PermissionDenied):
    code = "model_not_allowed"


class NotFound(ClientError):
    status = 404
    code = "not_found"
    anthropic_type = "not_found_error"


class ModelNotFound(NotFound):
    code = "model_not_found"

    def __init__(self, name: str, nearest: Sequence[str] = ()) -> None:
        hint = f" Nearest: {', '.join(nearest)}." if nearest else " GET /v1/models lists those it may call."
        super().__init__(f"The model `{name[:200]}` does not exist or this key may not call it.{hint}", param="model")
        self.nearest = tuple(nearest)


class MethodNotAllowed(ClientError):
    status = 405
    code = "method_not_allowed"


class BodyTimeout(ClientError):
    status = 408
    code = "body_timeout"


class Conflict(ClientError):
    status = 409
    code = "conflict"


class PlanRefused(Conflict):
    """A registry plan that may not be applied: it has conflicts, or a guard refuses it."""

    code = "plan_refused"

    def __init__(self, message: str, *, plan: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.plan = plan

    @property
    def details(self) -> Mapping[str, Any]:
        return {"plan": self.plan}


class StalePlan(PlanRefused):
    """The files or the registry changed since it was planned; `plan` is what it would be now."""

    code = "stale_plan"


class PreconditionFailed(ClientError):
    """The document changed since it was read; `current` is how it is now."""

    status = 412
    code = "precondition_failed"

    def __init__(self, message: str, *, current: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.current = current

    @property
    def details(self) -> Mapping[str, Any]:
        return {"current": self.current}


class BodyTooLarge(ClientError):
    status = 413
    code = "request_too_large"
    anthropic_type = "request_too_large"


class UnsupportedEncoding(ClientError):
    status = 415
    code = "unsupported_encoding"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with one field."""

    param: str
    message: str


class InvalidFields(ClientError):
    """A write with fields that are wrong or unknown: all of them at once, in `faults`."""

    status = 422
    code = "invalid_fields"

    def __init__(self, faults: Sequence[Fault]) -> None:
        assert faults
        super().__init__("; ".join(f"{fault.param}: {fault.message}" for fault in faults), param=faults[0].param)
        self.faults = tuple(faults)

    @property
    def details(self) -> Mapping[str, Any]:
        return {"errors": [{"param": fault.param, "message": fault.message} for fault in self.faults]}


class InvalidRegistry(ClientError):
    """Registry files that cannot be used. `faults` are JSON objects with code, file, line and column."""

    status = 422
    code = "invalid_registry"

    def __init__(self, message: str, *, faults: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(message)
        self.faults = tuple(faults)

    @property
    def details(self) -> Mapping[str, Any]:
        return {"faults": self.faults}


class FieldLocked(ClientError):
    """A live edit of a field that the registry files own. `place` is the line to edit instead, "" if none is known."""

    status = 423
    code = "field_locked"

    def __init__(self, message: str, *, param: str, place: str) -> None:
        super().__init__(message, param=param)
        self.place = place

    @property
    def details(self) -> Mapping[str, Any]:
        return {"place": self.place}


class Untranslatable(ClientError):
    """The request asks for something that the upstream's format cannot say; `param` names it."""

    status = 422
    code = "untranslatable"


class PreconditionRequired(ClientError):
    status = 428
    code = "precondition_required"


class RateLimited(ClientError):
    """Too much at once. `allowances` is how the caller's minute stands; None: that was not what it was refused for."""

    status = 429
    code = "rate_limit_exceeded"
    openai_type = "rate_limit_error"
    anthropic_type = "rate_limit_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: int | None = None,
        allowances: Allowances | None = None,
    ) -> None:
        super().__init__(message, param=param, retry_after_s=retry_after_s)
        self.allowances = allowances


class BalanceReserved(RateLimited):
    """What is left is held by requests in flight: waiting helps."""

    code = "balance_reserved"


class UpstreamError(ProxyError):
    status = 502
    code = "upstream_error"
    openai_type = "upstream_error"


class UpstreamRejected(UpstreamError):
    """The provider refused this request with a 4xx of its own: its status, and its sentence."""

    openai_type = "invalid_request_error"
    anthropic_type = "invalid_request_error"

    def __init__(self, message: str, *, status: int, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message, param=param)
        self.status = status
        self.code = code or "upstream_rejected"


class UpstreamRateLimited(UpstreamError):
    status = 429
    code = "upstream_rate_limited"
    openai_type = "rate_limit_error"
    anthropic_type = "rate_limit_error"


class UpstreamFailed(UpstreamError):
    """The provider answered 5xx, 3xx, 401, 402 or 403, or bytes that are not its format.

    `is_retryable` is False where the operator must mend something first: waiting cannot help.
    """

    def __init__(self, message: str, *, retry_after_s: int | None = None, is_retryable: bool = True) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.is_retryable = is_retryable


class MissingKey(UpstreamFailed):
    """The provider's key is not to be had. Which reference it was is for the operator's log, not for clients."""

    code = "provider_key_missing"

    def __init__(self, reference: str, reason: str) -> None:
        super().__init__("This model's provider is not set up here; tell the operator of this proxy.")
        self.reference = reference
        self.reason = reason


class UpstreamOverloaded(UpstreamError):
    status = 529
    code = "overloaded"
    anthropic_type = "overloaded_error"


class UpstreamUnreachable(UpstreamError):
    code = "upstream_unreachable"


class UpstreamTimeout(UpstreamError):
    status = 504
    code = "upstream_timeout"
    anthropic_type = "timeout_error"


class StreamInterrupted(UpstreamError):
    """The upstream's stream broke after its first byte."""

    code = "stream_interrupted"


class ServerError(ProxyError):
    pass


class Unavailable(ServerError):
    """Something of ours is away for a moment: the database, the disk, or this worker is stopping."""

    status = 503
    code = "unavailable"


class InternalError(ServerError):
    """A fault of ours. The sentence says nothing but the request id; the traceback is in the log."""
