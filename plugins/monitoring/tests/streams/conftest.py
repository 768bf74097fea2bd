"""A radio station for tests."""

from __future__ import annotations

from datetime import timedelta

import pytest

from base.accounts.models import User
from plugins.monitoring.streams import hour_layout, live, settling
from plugins.monitoring.tests.streams.radio import HeardLog, Radio
from tests.fixtures import Worker


@pytest.fixture
def radio(admin: User, run_worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Radio:
    """Return a station with four searchable songs, of which nothing was heard yet."""
    monkeypatch.setattr(hour_layout, "LandmarkLog", HeardLog)
    monkeypatch.setattr(live, "LandmarkLog", HeardLog)
    # Less to search; the hours are short as well.
    monkeypatch.setattr(settling, "AROUND", timedelta(seconds=32))
    made = Radio(admin)
    run_worker()
    return made
