"""Radio that is sent faster than it plays."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from benchmarks.corpus import DEMO
from plugins.monitoring.benchmarks import radio
from plugins.monitoring.benchmarks.radio import SentSound
from recognition.streaming.listener import Listener


@pytest.fixture
def allowed(settings: Settings) -> None:
    """Let recorders reach this machine."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True


@pytest.fixture(scope="session")
def _warm() -> None:
    """Have the host of listeners ready: its start is long at this speed."""
    with Listener() as listener:
        listener.end()
        list(listener.finish())


@pytest.fixture
def played(_warm: None) -> SentSound:
    """Three minutes of music in a codec that is made quickly."""
    return radio.encoded(DEMO, 200, "mp2", ".mp3")
