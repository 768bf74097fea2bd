"""The version of acrportal and of its engine, stated here alone.

The first number changes when callers of an API or of the library must change.
"""

from __future__ import annotations

VERSION = "1.0.0"
