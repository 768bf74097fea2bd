"""The landmark index on ClickHouse, for catalogues too large for one machine."""

from __future__ import annotations
