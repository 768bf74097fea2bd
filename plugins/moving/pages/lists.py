"""The list of trials of both engines."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from plugins.moving.models import EngineTrial
from web.portal.shared.declared import Column, DeclaredList, Empty

TRIALS: Final = DeclaredList(
    model=EngineTrial,
    title=_("Run both engines"),
    crumbs=[(_("Containers"), "portal:container_list")],
    lead=_(
        "This portal and ACRCloud scan the same files for some weeks. People judge what they find "
        "without knowing which of them found it."
    ),
    below="portal/trials/_list_below.html",
    rows=lambda _values: EngineTrial.objects.select_related("account"),
    columns=[
        Column(_("Account"), "account.name", "title"),
        Column(_("Begun"), "begins_at", "quiet"),
        Column(_("Files until"), "ends_at", "quiet"),
        Column(_("State"), "get_state_display", below="get_keeps_display"),
        Column(_("Actions"), look="acts", template="portal/trials/_row_acts.html"),
    ],
    empty=Empty(
        _("No trial has begun"),
        _("An admin chooses containers that are connected to an account, and for how long."),
        "layers",
    ),
)
