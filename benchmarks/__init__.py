"""Measurements of the product, one module for each: ``python -m benchmarks.NAME``."""
