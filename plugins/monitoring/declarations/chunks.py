"""Rows are read in chunks, so that memory and queries stay bounded."""

from __future__ import annotations

from typing import Final

CHUNK: Final = 200
"""Rows per chunk: the matches of as many files must fit into a query's parameters."""
