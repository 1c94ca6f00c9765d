"""For whoever runs this: is the process there, can it serve, what has it counted."""

import os

import orjson
from quart import Blueprint, Response, current_app

from quart_proxy.http import JSON, json_response, service
from quart_proxy.http.openapi import describe_api
from quart_proxy.http.operations import operation
from quart_proxy.metrics import Metrics
from quart_proxy.services.billing import Settler
from quart_proxy.services.readiness import Readiness

routes = Blueprint("operations", __name__)

OPENAPI = "quart_proxy.openapi"


@routes.get("/healthz")
@operation(answer="Object")
async def health() -> Response:
    """200 as long as this process answers; says nothing of the database."""
    return json_response({"status": "ok"})


@routes.get("/readyz")
@operation(answer="Object")
async def ready() -> Response:
    """200 when requests can be served and billed, else 503; either way each part by name."""
    is_ready, parts = await service(Readiness).check()
    return json_response({"status": "ready" if is_ready else "not ready", **parts}, 200 if is_ready else 503)


@routes.get("/metrics")
@operation(kind="text")
async def metrics() -> Response:
    metrics = service(Metrics)
    metrics.backlog.set(service(Settler).backlog)
    text = metrics.render(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
    return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")


@routes.get("/openapi.json")
@operation(answer="Object")
async def openapi() -> Response:
    """Every route with what it takes, gives and refuses, in OpenAPI 3.1; no key is needed for it."""
    text = current_app.extensions.get(OPENAPI)
    if text is None:
        text = current_app.extensions[OPENAPI] = orjson.dumps(describe_api(current_app))
    return Response(text, content_type=JSON, headers={"access-control-allow-origin": "*"})
