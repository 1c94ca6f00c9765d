"""Use cases: here the clock is read, ids are made, transactions are opened. Nothing here knows the web server."""
