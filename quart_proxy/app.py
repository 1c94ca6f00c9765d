"""The application that a web server loads: `hypercorn --config hypercorn.toml quart_proxy.app:app`.

Importing this module reads the environment; `wiring` has the parts for everyone who does not want that.
"""

from quart_proxy.wiring import create_app

app = create_app()
