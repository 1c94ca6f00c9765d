"""Why an answer ended, in the words of Chat Completions and its kin."""

from quart_proxy.core.chat import Stop

STOPS = {
    "length": Stop.LENGTH,
    "max_tokens": Stop.LENGTH,
    "model_length": Stop.LENGTH,  # Mistral: the context is full
    "tool_calls": Stop.TOOL_CALLS,
    "function_call": Stop.TOOL_CALLS,
    "content_filter": Stop.REFUSED,
    "sensitive": Stop.REFUSED,  # Z.AI
}
"""What providers say; whatever else they say is an end."""

REASONS = {
    Stop.END: "stop",
    Stop.SEQUENCE: "stop",
    Stop.LENGTH: "length",
    Stop.TOOL_CALLS: "tool_calls",
    Stop.REFUSED: "content_filter",
    # There is no word for it. A client that goes on sends the turn back with a new message, and it goes on.
    Stop.PAUSED: "stop",
}


def find_stop(reason: str | None, *, has_calls: bool, has_refusal: bool) -> Stop:
    """Some providers say `stop` whatever happened: calls and a refusal in the answer say it better."""
    stop = STOPS.get(reason or "", Stop.END)
    if stop is not Stop.END:
        return stop
    return Stop.TOOL_CALLS if has_calls else Stop.REFUSED if has_refusal else Stop.END


def find_reason(stop: Stop, *, has_calls: bool, has_refusal: bool, is_legacy: bool) -> str:
    """The finish reason for a client; `is_legacy`: it knows functions, not tools."""
    if has_calls and stop in (Stop.END, Stop.TOOL_CALLS):
        return "function_call" if is_legacy else "tool_calls"
    if has_refusal and stop is Stop.REFUSED:
        # The refusal is the answer, and a client that sees a filter's word reads no further.
        return "stop"
    return REASONS[stop]
