"""Scopes of API tokens; a token never allows more than its owner's role."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from accounts.roles import Action


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


def allows(scopes: Iterable[str], action: Action) -> bool:
    """Tell whether any of ``scopes`` allows ``action``."""
    return any(action in SCOPE_ACTIONS[Scope(scope)] for scope in scopes)
