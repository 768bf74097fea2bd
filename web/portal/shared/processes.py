"""Further processes of a whole installation, which ``manage.py serve`` starts."""

from __future__ import annotations

from base.common.registry import Registry

processes: Registry[str] = Registry()
"""Commands of manage.py that run as long as the portal does, beside its worker."""
