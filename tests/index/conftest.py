"""Fixtures for the index store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recognition.index.interface import IndexStore
from recognition.index.store import SegmentStore

PARAMS = "0123456789abcdef"

OpenStore = Callable[[], IndexStore]


@pytest.fixture
def open_store(tmp_path: Path) -> OpenStore:
    return lambda: SegmentStore(tmp_path / "index", params_hash=PARAMS)


@pytest.fixture
def store(open_store: OpenStore) -> IndexStore:
    return open_store()
