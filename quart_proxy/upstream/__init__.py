"""Providers over HTTP: opening an exchange, and which addresses may be called at all."""
