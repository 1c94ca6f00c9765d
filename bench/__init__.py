"""Measures the product from the outside: a load client and a table."""
