"""The fixtures of the core's tests of this kind."""

from __future__ import annotations

from tests.imports.moving.conftest import moving, there
from tests.reports.trials.conftest import beside

__all__ = ["beside", "moving", "there"]
