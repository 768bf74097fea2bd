"""Read-only admin screens of the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import TypeVar

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import CharField, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.reach import is_limited
from base.accounts.roles import Action
from base.audit.labels import action_label, actor_label, case_label, cases, is_case, via_label
from base.audit.models import Anchor, Event
from base.audit.services import ACCOUNT_CASES
from base.common.registry import Registry
from review.labels import reason_label
from review.rule_names import note_of
from web.portal.admin.base import RoleAdmin, all_field_names, code, two_lines, user_of
from web.portal.admin.filters import CodeFilter, DaysFilter
from web.portal.admin.stored_values import indented
from web.portal.shared import formats
from web.portal.shared.times import when

Row = TypeVar("Row", bound=Model)


def _named_accounts() -> Iterator[Subquery]:
    """Yield queries for the user or the role that an event is about.

    Cases hold keys only, because events cannot be erased and people can.
    """
    for model, name in ((User, "username"), (Group, "name")):
        case = Concat(Value(f"{model._meta.model_name}:"), Cast("pk", CharField()))
        named = model._default_manager.annotate(named_case=case)
        yield Subquery(named.filter(named_case=OuterRef("case")).values(name)[:1])


class _TrailAdmin(RoleAdmin[Row]):
    """A screen of the audit trail, hidden from users with access limits.

    Events name rows of every container and bucket.
    """

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Show events to users without access limits."""
        return super().has_view_permission(request, obj) and not is_limited(user_of(request))


@admin.register(Anchor)
class AnchorAdmin(_TrailAdmin[Anchor]):
    """The daily anchors, to compare with copies stored elsewhere."""

    list_display = ["day", "chains", "events", "hash"]
    readonly_fields = all_field_names(Anchor, but=["id"])


guarded_cases: Registry[tuple[str, Action]] = Registry()
"""Beginnings of cases whose events only people with an action see."""


@admin.register(Event)
class EventAdmin(_TrailAdmin[Event]):
    """Every event, read-only; only admins see events of accounts.

    ``guarded_cases`` says who sees others.
    """

    list_display = ["time", "person", "action_label", "case_shown", "why", "note_shown"]
    list_display_links = ["time", "case_shown"]
    list_filter = [("at", DaysFilter), ("action", CodeFilter)]
    search_fields = ["=case", "actor_name", "note"]
    search_help_text = _("Id of what it is about, person, or text of the note")
    readonly_fields = (
        *("case_shown", "sequence", "at", "person", "through", "action_label", "why", "note_shown"),
        *("actor", "actor_salt", "actor_digest", "previous_hash", "hash"),
        "before_text",
        "after_text",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Leave out events that the user's role may not see."""
        rows = super().get_queryset(request)
        for beginning, action in guarded_cases:
            if not request.user.has_perm(action):
                rows = rows.exclude(case__startswith=beginning)
        if request.user.has_perm(Action.CONFIGURE):
            return rows.annotate(account=Coalesce(*_named_accounts()))
        about_accounts = (Q(case__startswith=prefix) for prefix in ACCOUNT_CASES)
        return rows.exclude(reduce(or_, about_accounts))

    @admin.display(description=_("When"), ordering="id")
    def time(self, event: Event) -> SafeString:
        """Return the time of the event."""
        return when(event.at)

    @admin.display(description=_("Who"), ordering="actor_name")
    def person(self, event: Event) -> str:
        """Return the name of the actor."""
        return actor_label(event.actor_name)

    @admin.display(description=_("Through"))
    def through(self, event: Event) -> str:
        """Return the API token that was used, if any."""
        return via_label(event.via) or formats.UNKNOWN

    @admin.display(description=_("What"), ordering="action")
    def action_label(self, event: Event) -> str:
        """Return the label of the action."""
        return action_label(event.action)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """Find a case by its id alone too, as the list shows it."""
        rows, has_duplicates = super().get_search_results(request, queryset, search_term)
        if search_term and " " not in search_term:
            # Whole cases, because only these are found through the index.
            named = [f"{kind}:{search_term}" for kind in cases()]
            users = User.objects.filter(username=search_term)
            named += [f"user:{key}" for key in users.values_list("pk", flat=True)]
            rows |= queryset.filter(case__in=named)
        return rows, has_duplicates

    @admin.display(description=_("Case"), ordering="case")
    def case_shown(self, event: Event) -> SafeString:
        """Return what the event is about, in words and with its id."""
        kind, own = case_label(event.case)
        return two_lines(kind, getattr(event, "account", None) or own)

    @admin.display(description=_("Reason"), ordering="reason")
    def why(self, event: Event) -> str:
        """Return the label of the reason."""
        return reason_label(event.reason) or formats.UNKNOWN

    @admin.display(description=_("Note"), ordering="note")
    def note_shown(self, event: Event) -> str:
        """Return the note, or the case that the event belongs to, as a code."""
        note = note_of(event)
        return code(note) if is_case(note) else note

    @admin.display(description=_("Before"))
    def before_text(self, event: Event) -> SafeString:
        """Return the values before the event as indented JSON."""
        return indented(event.before)

    @admin.display(description=_("After"))
    def after_text(self, event: Event) -> SafeString:
        """Return the values after the event as indented JSON."""
        return indented(event.after)
