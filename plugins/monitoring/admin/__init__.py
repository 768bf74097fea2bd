"""The admin screens; importing a module of this package registers its models."""

from __future__ import annotations

from plugins.monitoring.admin import broadcasts, declarations, streams, unknown

__all__ = ["broadcasts", "declarations", "streams", "unknown"]
