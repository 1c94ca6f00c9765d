"""Logs as JSON lines on standard error: one event a line, its facts as fields.

`logger.info("request", extra={"fields": {...}})` writes `{"at": ..., "event": "request", ...}`. What is not a
field of the event is not written, so no prompt, answer or key can slip in with a message.
"""

import contextlib
import logging
import os
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


def write_event(event: str, fields: dict[str, object]) -> None:
    """One line of level info, past the logging module: for the line that every request writes."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    line = {"at": f"{stamp}.{int(now % 1 * 1000):03d}Z", "level": "info", "event": event, **fields}
    with contextlib.suppress(OSError, ValueError):
        # One write, so lines of several workers on one pipe do not mix; a full disk loses lines, not requests.
        os.write(2, orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE))


def places(error: BaseException) -> list[str]:
    """Where `error` passed through: file, line and function, and nothing of what they worked on."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]


def configure_logging(level: int = logging.INFO) -> None:
    """Send this process's logs to standard error as JSON lines. A line that cannot be written is dropped."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.raiseExceptions = False
    # Lines name no caller, thread or process, so the stack is not walked for each of them.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Quart and Hypercorn would say each request again, with its query string.
    for noisy in ("hypercorn.access", "quart.serving", "asyncio", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
