"""Audit: what happened, append-only."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Holds the events; knows nothing of what they are about."""

    name = "audit"

    def ready(self) -> None:
        """Listen to the package below, which cannot write events itself."""
        from accounts.signals import account_changed
        from audit import account_changes, sign_ins
        from audit.services import record_account_change

        account_changed.connect(record_account_change, dispatch_uid="audit")
        sign_ins.listen()
        account_changes.listen()
