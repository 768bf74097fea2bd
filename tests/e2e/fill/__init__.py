"""Makes the rows that browser tests need and the demo lacks; the demo's waiting matches stay.

Run in the portal's own process: ``manage.py shell -c "…fill()"``.
"""

from __future__ import annotations

from tests.e2e.fill.every import fill

__all__ = ["fill"]
