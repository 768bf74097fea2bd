"""The landmark index on ClickHouse, for more than one machine's worth of it."""

from __future__ import annotations
