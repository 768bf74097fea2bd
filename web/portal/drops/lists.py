"""The list of drops."""

from __future__ import annotations

from typing import Final

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from base.accounts.roles import Action
from base.common.stored import read_stored
from scanning.choices import DropItemState
from scanning.drops import selectors, services
from scanning.drops.places import roots
from scanning.models import Drop
from web.portal.shared import declared, formats
from web.portal.shared.declared import Column, DeclaredList, Empty, Link

_CREATE: Final = Link(_("Add a drop"), "portal:drop_create", Action.UPLOAD)


def _items(drop: Drop, count: int, state: DropItemState, label: declared.Words) -> object:
    href = f"{reverse('portal:drop_detail', args=[drop.uid])}?show={state}"
    return declared.counted_link(count, href, label)


DROPS: Final = DeclaredList(
    model=Drop,
    title=_("Drops"),
    lead=_("Folders and S3 prefixes. Each new file in them is taken and scanned once."),
    links=[_CREATE],
    above=["portal/drops/_no_roots.html"],
    context=lambda _request: {"roots": roots()},
    rows=lambda _values: selectors.with_counts(selectors.drops()).order_by("name", "pk"),
    load=lambda drops, _user: declared.with_values(drops, "next_poll", services.next_polls(drops)),
    columns=[
        Column(
            _("State"),
            look="badge",
            template="portal/drops/_drop_badge.html",
        ),
        Column(
            pgettext_lazy("noun", "Drop"),
            str,
            "title",
            below=lambda drop: [formats.middle(drop.place, 60), read_stored(drop.last_error)],
        ),
        Column(_("Container"), "container.name", below="get_every_seconds_display"),
        Column(_("Last poll"), "last_poll_at", "quiet"),
        Column(_("Next poll"), lambda drop: drop.next_poll if drop.enabled else None, "quiet"),
        Column(
            _("Waiting"),
            lambda drop: _items(drop, drop.waiting, DropItemState.WAITING, _("waiting")),
            "num",
        ),
        Column(_("Taken"), "taken", "num"),
        Column(
            _("Failed"),
            lambda drop: _items(drop, drop.failed, DropItemState.FAILED, _("failed")),
            "num",
        ),
    ],
    link=declared.page_of_row("portal:drop_detail"),
    empty=Empty(
        _("No files are taken yet"),
        _("Enter a folder or an S3 prefix; files that appear there are scanned automatically."),
        "download",
        _CREATE,
    ),
)
