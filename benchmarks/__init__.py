"""Measurements of the product, one per module: ``python -m benchmarks.NAME``."""
