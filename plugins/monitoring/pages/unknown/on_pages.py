"""What unknown sound adds to the dashboard, containers and the help with keys."""

from __future__ import annotations

from base.accounts.models import User
from base.accounts.roles import Action
from plugins.monitoring.pages.unknown.forms import UnknownPolicyForm
from plugins.monitoring.unknown.policies import policy_of
from plugins.monitoring.unknown.selectors import minutes
from scanning.models import Container
from web.portal.shared.cards import Card
from web.portal.shared.remembered import remembered


def _minutes(_subject: None, user: User) -> object:
    return remembered("unknown", user, minutes)


def _policy(container: Container, user: User) -> dict[str, object] | None:
    if not user.has_perm(Action.CONFIGURE):
        return None
    form = UnknownPolicyForm(instance=policy_of(container))
    return {"container": container, "form": form}


CARDS = (
    Card("dashboard", "portal/unknown/_dashboard.html", _minutes),
    Card("container", "portal/unknown/_container.html", _policy),
    Card("keys", "portal/unknown/_keys.html"),
)
