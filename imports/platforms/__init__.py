"""Imports of platforms' reports of claims, assets and reference files."""
