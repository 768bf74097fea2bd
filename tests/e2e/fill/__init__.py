"""Rows for the browser tests that the demo has none of; no match waiting there changes.

Run in the portal's own process: ``manage.py shell -c "…fill()"``.
"""

from __future__ import annotations

from tests.e2e.fill.every import fill

__all__ = ["fill"]
