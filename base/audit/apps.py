"""The audit app, which records events append-only."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    """Connects the audit trail to the events of the packages below."""

    name = "base.audit"
    verbose_name = _("Audit")

    def ready(self) -> None:
        """Listen to ``accounts``, which lies below and cannot import this package."""
        from base.accounts.models import User
        from base.accounts.services import account_changed
        from base.audit import account_changes, sign_ins
        from base.audit.expected import Expectation, expectations
        from base.audit.services import record_account_change

        expectations.register(
            Expectation("an account", User._base_manager.all, lambda user: f"user:{user.pk}")
        )
        account_changed.connect(record_account_change, dispatch_uid="audit")
        sign_ins.listen()
        account_changes.listen()
