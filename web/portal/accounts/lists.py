"""The list of API tokens."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.models import ApiToken
from base.accounts.reach import person_at_work
from base.accounts.roles import Action
from web.portal.shared.declared import Column, DeclaredList, Empty, Link


def visible_tokens() -> QuerySet[ApiToken]:
    """Return the person's own tokens, or every token for an admin; the newest first."""
    rows, person = ApiToken.objects.select_related("owner").order_by("-pk"), person_at_work()
    if person is not None and person.has_perm(Action.CONFIGURE):
        return rows
    return rows.filter(owner=person)


TOKENS: Final = DeclaredList(
    model=ApiToken,
    title=_("API tokens"),
    lead=_("Programs call the API with a token. It may never do more than its owner."),
    links=[
        Link(_("What the API offers"), "api-docs", icon="info"),
        Link(_("Create identification keys"), "portal:project_create", Action.CONFIGURE, "lock"),
    ],
    above=["portal/accounts/_token_secret.html"],
    below="portal/accounts/_tokens_below.html",
    rows=lambda _values: visible_tokens(),
    columns=[
        Column(_("Name"), "name", "title", below=lambda token: f"{token.hint}…"),
        Column(_("Owner"), "owner"),
        Column(_("Scopes"), lambda token: ", ".join(token.scopes), "code"),
        Column(_("Last used"), lambda token: token.last_used_at or gettext("never")),
        Column(
            _("Ends"),
            lambda token: token.revoked_at or token.expires_at or gettext("never"),
            below=lambda token: (
                gettext("revoked") if token.revoked_at else token.is_expired and gettext("expired")
            ),
        ),
        Column(_("Actions"), look="acts", template="portal/accounts/_token_revoke.html"),
    ],
    empty=Empty(
        _("No tokens yet"), _("Create one below for each program that calls the API."), "lock"
    ),
)
