"""/api/admin/registry/models/{key}: a model field by field, between the files and live."""

from quart import Blueprint

from quart_proxy.http.registry_entities import serve_entities

routes = Blueprint("models", __name__)
serve_entities(routes, "model")
