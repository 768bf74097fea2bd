"""The fixtures of the core's tests of this kind."""

from __future__ import annotations

from plugins.moving.tests.conftest import moving, there
from plugins.moving.tests.trials.conftest import beside

__all__ = ["beside", "moving", "there"]
