"""What all tests share, those of the core and those of each plug-in."""

from __future__ import annotations

pytest_plugins = ["tests.fixtures"]
