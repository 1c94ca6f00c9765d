"""GET /api/user/statement: the user's money as a bank would state it, newest first; as a file at `statement.csv`."""

from quart import Blueprint, Response

from quart_proxy.http import authenticated
from quart_proxy.http.answers import also_at
from quart_proxy.http.operations import operation
from quart_proxy.http.statements import statement_answer, statement_file

routes = Blueprint("statement", __name__)


@routes.get("")
@operation(answer="StatementLine", kind="list", is_paged=True)
async def get_own_statement() -> Response:
    return await statement_answer((await authenticated()).user_id)


@also_at(routes, "/api/user/statement.csv")
@operation(kind="csv")
async def export_own_statement() -> Response:
    return await statement_file((await authenticated()).user_id)
