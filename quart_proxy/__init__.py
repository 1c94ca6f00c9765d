"""quart-proxy: a billing gateway between AI clients and AI providers."""

__version__ = "0.1.0"
