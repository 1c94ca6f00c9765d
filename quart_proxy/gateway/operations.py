"""For whoever runs this: is the process there, can it serve, what has it counted."""

import os

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.metrics import Metrics
from quart_proxy.services.billing import Settler
from quart_proxy.services.readiness import Readiness

routes = Blueprint("operations", __name__)


@routes.get("/healthz")
async def health() -> Response:
    """200 as long as this process answers; says nothing of the database."""
    return json_response({"status": "ok"})


@routes.get("/readyz")
async def ready() -> Response:
    """200 when requests can be served and billed, else 503; either way each part by name."""
    is_ready, parts = await service(Readiness).check()
    return json_response({"status": "ready" if is_ready else "not ready", **parts}, 200 if is_ready else 503)


@routes.get("/metrics")
async def metrics() -> Response:
    metrics = service(Metrics)
    metrics.backlog.set(service(Settler).backlog)
    text = metrics.render(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
    return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")
