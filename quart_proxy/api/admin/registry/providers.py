"""/api/admin/registry/providers/{key}: a provider field by field, between the files and live."""

from quart import Blueprint

from quart_proxy.http.registry_entities import serve_entities

routes = Blueprint("providers", __name__)
serve_entities(routes, "provider")
