"""The lists of suggestions, of differences, and of the sources and rules behind them."""

from __future__ import annotations

from typing import Final

from django.db.models import Q
from django.utils.html import format_html_join
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from base.common.filters import Filter, number
from base.common.reading import read_number
from base.common.stored import read_stored
from catalogue.selectors import searchable_buckets
from plugins.filling import selectors
from plugins.filling.choices import FillField, HoldReason
from plugins.filling.models import EnrichmentSource, FillingRule, KnownDifference, Suggestion
from plugins.filling.pages import page
from web.portal.shared import declared
from web.portal.shared.access import PortalRequest
from web.portal.shared.declared import Column, DeclaredList, Empty, Link
from web.portal.shared.lists import count_of

_TABS: Final = "portal/enrichment/_tabs.html"
_STYLES: Final = ["css/enrichment.css"]
_FILLING: Final = (_("Filling in"), "portal:fill_in")
_CRUMBS: Final = [(_("Catalogue"), "portal:catalogue"), _FILLING]


def _context(request: PortalRequest) -> dict[str, object]:
    safe = SUGGESTIONS.selected(request).filter(selectors.is_safe())
    return {
        "query": declared.query_of(request),
        "safe_count": count_of(safe) if request.user.has_perm(Action.EDIT_CATALOGUE) else 0,
        "last": page.last_act(request.user),
    }


SUGGESTIONS: Final = DeclaredList(
    model=Suggestion,
    title=_("Suggestions"),
    crumbs=_CRUMBS,
    lead=_("Values for empty fields that wait for a decision."),
    above=[_TABS],
    styles=_STYLES,
    head="portal/enrichment/_list_head.html",
    context=_context,
    rows=lambda _values: selectors.open_suggestions().select_related("recording"),
    filters=[
        declared.choice("field", _("Field"), FillField.choices, any_label=_("Any field")),
        Filter(
            "bucket",
            number,
            lambda key: Q(recording__bucket=key),
            label=_("Bucket"),
            any_label=_("Any bucket"),
            options=lambda: [(str(row.pk), row.name) for row in searchable_buckets()],
        ),
        declared.choice(
            "way",
            _("Decided"),
            [("safe", _("In one go")), ("singly", _("One by one")), *HoldReason.choices],
            any_label=_("Any way"),
            condition=lambda way: (
                selectors.is_safe()
                if way == "safe"
                else ~selectors.is_safe()
                if way == "singly"
                else Q(hold=way)
            ),
        ),
        declared.choice(
            "source",
            _("Source"),
            lambda: list(EnrichmentSource.objects.values_list("uid", "name")),
            any_label=_("Any source"),
            condition=lambda uid: Q(sources__uid=uid),
        ),
    ],
    default="-confidence",
    columns=[
        Column(
            _("Recording"),
            "recording.full_title",
            "title",
            below="recording.artist_names",
        ),
        Column(_("Field"), "get_field_display", sort="field"),
        Column(_("Value"), "value", "code", sort="value"),
        Column(
            _("Confidence"),
            lambda row: read_number(row.confidence, decimals=3),
            "num",
            sort="confidence",
        ),
        Column(_("Why one by one"), "get_hold_display", "words"),
        Column(_("Decide"), look="acts", template="portal/enrichment/_row_acts.html"),
    ],
    link=declared.page_of_row("portal:suggestion"),
    is_chain=True,
    empty=Empty(
        _("Nothing is suggested"), _("A search runs after a source was read, and every night.")
    ),
)


DIFFERENCES: Final = DeclaredList(
    model=KnownDifference,
    title=_("Differences"),
    crumbs=_CRUMBS,
    lead=_(
        "What sources have instead of values that recordings have. Each counts as a mistake when "
        "the safe mark is measured, unless you judge it also right. No recording changes."
    ),
    above=[_TABS],
    styles=_STYLES,
    rows=lambda _values: KnownDifference.objects.select_related("recording", "judged_by").order_by(
        "is_also_right", "field", "pk"
    ),
    columns=[
        Column(
            _("Recording"),
            "recording.full_title",
            "title",
            below="recording.artist_names",
        ),
        Column(_("Field"), "get_field_display"),
        Column(_("Value"), "known", "code"),
        Column(_("In the source"), "found", "code"),
        Column(
            _("Source"),
            lambda row: format_html_join(
                ", ",
                "<bdi>{}</bdi>: <bdi>{} {}</bdi>",
                ((entry["name"], entry["title"], entry["version"]) for entry in row.evidence),
            ),
            "words",
        ),
        Column(_("Judge"), look="acts", template="portal/enrichment/_row_judge.html"),
    ],
    link=declared.page_of_row("portal:recording_detail", "recording.uid"),
    empty=Empty(_("No source differs"), _("Known values are compared in each search.")),
)


SOURCES: Final = DeclaredList(
    model=EnrichmentSource,
    title=_("Sources of open data"),
    crumbs=_CRUMBS,
    lead=_("Files that an operator downloaded once. They are read on this machine."),
    links=[Link(_("Send a list of your own"), "portal:open_data_send", Action.CONFIGURE, "upload")],
    above=[_TABS],
    below="portal/enrichment/_sources_below.html",
    rows=lambda _values: EnrichmentSource.objects.all(),
    columns=[
        Column(_("Name"), "name", "title"),
        Column(_("State"), "get_state_display", "words", below=lambda row: read_stored(row.cause)),
        Column(_("Licence"), lambda source: gettext(source.licence)),
        Column(_("Date of the data"), "data_date", "nowrap"),
        Column(_("Recordings or tracks"), "rows", "num"),
        Column(_("Change"), look="acts", template="portal/enrichment/_source_acts.html"),
    ],
    empty=Empty(
        _("There is no source yet"),
        _("An admin puts a file into the folder of sources and adds it here."),
        "layers",
    ),
)


RULES: Final = DeclaredList(
    model=FillingRule,
    title=_("Filling rules"),
    crumbs=_CRUMBS,
    lead=_(
        "A rule accepts suggestions after each search, never below the safe mark and never one "
        "that is decided one by one. Each time can be undone."
    ),
    above=[_TABS],
    below="portal/enrichment/_rules_below.html",
    rows=lambda _values: FillingRule.objects.select_related("bucket", "created_by"),
    columns=[
        Column(_("Bucket"), "bucket.name", "title"),
        Column(_("Field"), "get_field_display"),
        Column(
            _("Least confidence"),
            lambda rule: read_number(rule.least_confidence, decimals=4),
            "num",
        ),
        Column(
            _("State"),
            lambda rule: pgettext("rule", "on") if rule.is_on else pgettext("rule", "off"),
        ),
        Column(_("Change"), look="acts", template="portal/enrichment/_rule_acts.html"),
    ],
    empty=Empty(
        _("No rule accepts anything by itself"), _("People decide every suggestion."), "policies"
    ),
)
