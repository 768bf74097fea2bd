"""The list of licences."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from base.common.filters import FilterValues
from base.common.reading import read_date
from base.common.zones import office_day
from review.choices import MatchState
from review.models import Licence, Match
from review.models.licence import NUMBER_PREFIX
from review.services import licences
from web.portal.shared import declared
from web.portal.shared.declared import Column, DeclaredList, Empty, Link
from web.portal.shared.selectors import count_per_row


def with_cleared(rows: QuerySet[Licence]) -> QuerySet[Any]:
    """Add how many matches each licence clears now. Any: licences with the count."""
    cleared = Match.objects.filter(state=MatchState.CLEARED)
    return rows.annotate(cleared_count=count_per_row(cleared, "licence"))


def _rows(_values: FilterValues) -> QuerySet[Any]:
    licences.own_accounts()
    return with_cleared(Licence.objects.all())


def _holds(text: str) -> Q:
    number = text.upper().removeprefix(NUMBER_PREFIX)
    is_number = number.isdecimal() and len(number) < 19
    return Q(holder__icontains=text) | (Q(pk=int(number)) if is_number else Q())


def _is(state: str) -> Q:
    ended = Q(withdrawn_at__isnull=False) | Q(valid_until__lt=office_day())
    if state == "active":
        return Q(active=True) & ~ended
    return ended if state == "ended" else Q(active=False, withdrawn_at__isnull=True)


def _state(licence: Licence) -> str:
    if licence.withdrawn_at:
        return gettext("withdrawn")
    if not licence.active:
        return gettext("draft: covers nothing yet")
    has_ended = licence.valid_until is not None and licence.valid_until < office_day()
    return gettext("ended") if has_ended else gettext("in force")


LICENCES: Final = DeclaredList(
    model=Licence,
    title=_("Licences and own accounts"),
    lead=_("A licence clears the matches that it covers; when it ends, they open again."),
    links=[
        Link(_("Export CSV"), "portal:licence_sheet_csv", icon="download"),
        Link(_("Export XLSX"), "portal:licence_sheet_xlsx", icon="download"),
        Link(_("Add a licence"), "portal:licence_create", Action.APPROVE),
    ],
    rows=_rows,
    link=lambda licence, user: licence.url if user.has_perm(Action.APPROVE) else "",
    filters=[
        declared.search(_("Holder or number"), _holds),
        declared.choice(
            "state",
            _("State"),
            [
                ("active", _("In force")),
                ("draft", _("Draft")),
                ("ended", _("Ended or withdrawn")),
            ],
            any_label=_("Any"),
            condition=_is,
        ),
    ],
    default="-number",
    columns=[
        Column(_("Number"), "number", "code", sort="number", order="pk"),
        Column(_("Holder"), "holder", "title", sort="holder", below=_state),
        Column(
            _("Recordings"), "get_scope_display", below=lambda licence: ", ".join(licence.labels)
        ),
        Column(
            _("Uses"),
            "get_use_kind_display",
            below=lambda licence: Truncator(", ".join(licence.use_values)).chars(60),
        ),
        Column(
            _("Valid"),
            lambda licence: (
                " – ".join(
                    read_date(day, "dated") if day else "…"
                    for day in (licence.valid_from, licence.valid_until)
                )
                if licence.valid_from or licence.valid_until
                else gettext("without end")
            ),
            "nowrap",
            sort="until",
            order="valid_until",
        ),
        Column(_("Cleared"), "cleared_count", "num"),
    ],
    empty=Empty(
        _("There is no licence yet"),
        _("Add one: who may use which recordings, where and until when."),
        "policies",
    ),
)
