"""Imports of platforms' reports of claims, assets, conflicts, reference files and videos."""
