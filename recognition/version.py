"""The version of the package: the first number changes when callers must."""

from __future__ import annotations

VERSION = "1.0.0"
