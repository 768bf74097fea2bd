"""The one table of roles and actions, read by the pages, the admin and the APIs.

A role is a Django group and an action a permission on the user model, so
``user.has_perm(Action.DECIDE)`` works everywhere.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The four roles, weakest first; each value is the name of a group."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    MANAGER = "manager"
    ADMIN = "admin"


class Action(StrEnum):
    """An action that a permission allows, as ``app_label.codename``."""

    VIEW = "accounts.view_portal"
    UPLOAD = "accounts.upload_audio"
    DECIDE = "accounts.decide_matches"
    APPROVE = "accounts.approve_decisions"
    REPORT = "accounts.run_reports"
    EDIT_CATALOGUE = "accounts.edit_catalogue"
    EDIT_DUPLICATES = "accounts.edit_duplicates"
    DELETE = "accounts.delete_files"
    CONFIGURE = "accounts.configure_portal"


_VIEWER = {Action.VIEW}
_REVIEWER = _VIEWER | {Action.UPLOAD, Action.DECIDE, Action.REPORT}
_MANAGER = _REVIEWER | {
    Action.APPROVE,
    Action.EDIT_CATALOGUE,
    Action.EDIT_DUPLICATES,
    Action.DELETE,
}

ROLE_ACTIONS: dict[Role, set[Action]] = {
    Role.VIEWER: _VIEWER,
    Role.REVIEWER: _REVIEWER,
    Role.MANAGER: _MANAGER,
    Role.ADMIN: _MANAGER | {Action.CONFIGURE},
}
