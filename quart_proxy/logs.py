"""Logs as JSON lines on standard error: one event a line, its facts as fields.

`logger.info("request", extra={"fields": {...}})` writes `{"at": ..., "event": "request", ...}`. What is not a
field of the event is not written, so no prompt, answer or key can slip in with a message.
"""

import logging
import sys
import time
import traceback

import orjson


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "at": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            # Types and places, not messages: an exception's text may hold what a client or a provider sent.
            error = record.exc_info[1]
            line["error"] = type(error).__name__
            line["traceback"] = places(error)
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def places(error: BaseException) -> list[str]:
    """Where `error` passed through: file, line and function, and nothing of what they worked on."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]


def configure_logging(level: int = logging.INFO) -> None:
    """Send this process's logs to standard error as JSON lines. A line that cannot be written is dropped."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Quart and Hypercorn would say each request again, with its query string.
    for noisy in ("hypercorn.access", "quart.serving", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
