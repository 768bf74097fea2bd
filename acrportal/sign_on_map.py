"""Reads the setting that maps groups of the single sign-on's server to roles."""

from __future__ import annotations

import json

from django.core.exceptions import ImproperlyConfigured


def sign_on_map(text: str) -> dict[str, list[str]]:
    """Return the roles and groups of the portal for each group of the server."""
    refusal = ImproperlyConfigured(
        "ACRPORTAL_OIDC_GROUPS must be a JSON object that names a role, or a list of roles and "
        'groups of the portal, for each group of the server: {"staff": "reviewer"}'
    )
    try:
        groups = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise refusal from error
    if not isinstance(groups, dict):
        raise refusal
    targets = {group: [to] if isinstance(to, str) else to for group, to in groups.items()}
    for names in targets.values():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise refusal
    return targets
