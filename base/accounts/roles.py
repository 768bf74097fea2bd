"""The tables of roles, actions and scopes, read by the pages, the admin and the APIs.

A role is a Django group and an action a permission on the user model, so
``user.has_perm(Action.DECIDE)`` works everywhere. An API token has scopes, and never
allows more than its owner's role.
"""

from __future__ import annotations

from collections.abc import Iterable
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


class Scope(StrEnum):
    """One area of the API."""

    READ = "read"
    SCAN = "scan"
    CATALOGUE = "catalogue"
    DECIDE = "decide"
    REPORT = "report"
    ADMIN = "admin"
    ALL = "all"


SCOPE_ACTIONS: dict[Scope, frozenset[Action]] = {
    Scope.READ: frozenset({Action.VIEW}),
    Scope.SCAN: frozenset({Action.UPLOAD, Action.DELETE}),
    Scope.CATALOGUE: frozenset({Action.EDIT_CATALOGUE, Action.EDIT_DUPLICATES}),
    Scope.DECIDE: frozenset({Action.DECIDE, Action.APPROVE}),
    Scope.REPORT: frozenset({Action.REPORT}),
    Scope.ADMIN: frozenset({Action.CONFIGURE}),
    Scope.ALL: frozenset(Action),
}


def scopes_for(action: Action) -> list[Scope]:
    """Return the scopes that allow ``action``, the narrowest first."""
    return [scope for scope, actions in SCOPE_ACTIONS.items() if action in actions]


def scopes_allow(scopes: Iterable[str], action: Action) -> bool:
    """Tell whether any of ``scopes`` allows ``action``."""
    return any(action in SCOPE_ACTIONS[Scope(scope)] for scope in scopes)
