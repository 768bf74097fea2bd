"""Accounts: users, roles and what a role may do."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Keeps the role groups equal to ``base.accounts.roles``."""

    name = "base.accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        """Write the groups after each migrate run, listen to sign-ins, set up searches."""
        from base.accounts import places, second_factor
        from base.accounts.services import sync_roles
        from base.accounts.sessions import begin_session
        from base.common import searching

        searching.install()
        # Django calls it "Authentication and Authorization".
        apps.get_app_config("auth").verbose_name = _("Roles and groups")
        post_migrate.connect(sync_roles, sender=self)
        user_logged_in.connect(second_factor.note_at_sign_in, dispatch_uid="accounts")
        second_factor.listen()
        user_logged_in.connect(begin_session, dispatch_uid="session limits")
        user_logged_in.connect(places.remember, dispatch_uid="known places")
