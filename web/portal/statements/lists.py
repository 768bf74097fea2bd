"""The list of statements: those to correct, those that are kept, or all."""

from __future__ import annotations

from typing import Final

from django.db.models import Q, QuerySet
from django.utils.html import format_html
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from base.common.filters import Filter, FilterValues, OneOf
from review.rule_names import actor_label
from statements.choices import StatementState, kind_choices
from statements.models import Statement
from statements.selectors import Subset, list_statements
from web.portal.shared import declared
from web.portal.shared.access import PortalRequest
from web.portal.shared.declared import Column, DeclaredList, Empty
from web.portal.shared.icons import badge
from web.portal.shared.lists import count_of
from web.portal.shared.times import when
from web.portal.statements import page

_EMPTY: Final = {
    Subset.TO_CORRECT: Empty(
        _("No statement is to correct"),
        _("Statements appear here when something that they say changes."),
    ),
    Subset.KEPT: Empty(
        _("No statement is kept although it differs"),
        _("Whoever keeps one says why; it comes back when it differs in something else."),
    ),
    Subset.ALL: Empty(
        _("No statement yet"),
        _("Cue sheets, packs and reports are listed once they are made."),
        "reports",
    ),
}


def _subset(values: FilterValues) -> Subset:
    return Subset(values.get("show") or Subset.TO_CORRECT)


def _rows(values: FilterValues) -> QuerySet[Statement]:
    subset = _subset(values)
    rows = page.with_steps(list_statements(subset=subset))
    return rows if subset is Subset.ALL else rows.order_by("-differs_since", "-pk")


def _context(request: PortalRequest) -> dict[str, object]:
    values = STATEMENTS.values.from_query(request.GET)
    # The chips keep the other filters, so they count what they lead to.
    counts = {
        subset.value: count_of(STATEMENTS.select(values, list_statements(subset=subset)))
        for subset in (Subset.TO_CORRECT, Subset.KEPT)
    }
    return {"subset": _subset(values), "counts": counts}


STATEMENTS: Final = DeclaredList(
    model=Statement,
    title=_("Statements to correct"),
    lead=_("What was approved or sent, and no longer says what the portal says."),
    styles=["css/statements.css"],
    above=["portal/statements/_subsets.html"],
    context=_context,
    rows=_rows,
    load=page.rows_of,
    filters=[
        Filter("show", OneOf(list(Subset)), lambda _subset: Q()),
        declared.search(_("Name"), lambda text: Q(name__icontains=text)),
        declared.choice("kind", _("Kind"), kind_choices, any_label=_("Any kind")),
        declared.choice("state", _("State"), StatementState.choices, any_label=_("Any state")),
    ],
    columns=[
        Column(
            _("Statement"),
            "statement.name",
            "title",
            below=lambda row: [
                row.statement.get_kind_display(),
                gettext("version %(number)s") % {"number": row.statement.version},
            ],
        ),
        Column(
            _("State"),
            lambda row: badge(row.statement.get_state_display(), row.icon),
            "badge",
            below=lambda row: (
                row.step
                and format_html("{} · {}", actor_label(row.step.person_name), when(row.step.at))
            ),
        ),
        Column(
            _("What it says otherwise"),
            look="wide",
            template="portal/statements/_row_differences.html",
        ),
        Column(
            pgettext_lazy("what happened", "Change"),
            look="wide",
            template="portal/statements/_row_cause.html",
        ),
        Column(_("What to do"), look="acts", template="portal/statements/_row_acts.html"),
    ],
    link=declared.page_of_row("portal:statement", "statement.uid"),
    empty=lambda values: _EMPTY[_subset(values)],
)
