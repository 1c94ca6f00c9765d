"""The verbs of `quart-proxy`: a file a subject. `cli.py` puts them together."""
