"""List filters that Django's own filters cannot express."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import get_model_from_relation
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.audit.labels import action_label
from review.choices import WAITING_STATES, MatchState
from review.models import Match
from scanning.models import ScannedFile

Choice = tuple[str, str]

Condition = tuple[str | Promise, Q]


class _ConditionFilter(admin.SimpleListFilter, ABC):
    """Filters by conditions, each with a name in the address and a label."""

    otherwise = Q()

    @abstractmethod
    def conditions(self, request: HttpRequest) -> Mapping[str, Condition]:
        """Return label and condition of each choice."""

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[Choice]:
        """Return the choices."""
        offered = self.conditions(request).items()
        return [(name, str(label)) for name, (label, _condition) in offered]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Match]) -> QuerySet[Match]:
        """Return the matches that fit the choice, or ``otherwise`` without one."""
        chosen = self.conditions(request).get(self.value() or "")
        return queryset.filter(chosen[1] if chosen else self.otherwise)


class StateFilter(_ConditionFilter):
    """Filters by state."""

    title = _("state")
    parameter_name = "state"
    otherwise = Q()

    def conditions(self, request: HttpRequest) -> Mapping[str, Condition]:
        """Return the states, after what waits: nobody waits for matches of deleted files."""
        waits = Q(state__in=WAITING_STATES, scanned_file__deleted_at__isnull=True)
        waiting = (_("Waiting for a person"), waits)
        return {"waiting": waiting} | {
            state.value: (state.label, Q(state=state)) for state in MatchState
        }


class ScoreBandFilter(_ConditionFilter):
    """Filters by score band."""

    title = _("score")
    parameter_name = "score"

    def conditions(self, request: HttpRequest) -> Mapping[str, Condition]:
        """Return the bands, the highest first."""
        return {
            "90": (_("90 to 100"), Q(score__gte=90)),
            "75": (_("75 to 89"), Q(score__gte=75, score__lt=90)),
            "60": (_("60 to 74"), Q(score__gte=60, score__lt=75)),
            "50": (_("50 to 59"), Q(score__gte=50, score__lt=60)),
            "0": (_("below 50"), Q(score__lt=50)),
            "none": (_("no score"), Q(score__isnull=True)),
        }


class AgeFilter(_ConditionFilter):
    """Filters by the time since the match was found."""

    title = _("age")
    parameter_name = "age"

    def conditions(self, request: HttpRequest) -> Mapping[str, Condition]:
        """Return the ages; the last is of all matches that are older."""
        now = datetime.now(tz=UTC)
        month_ago = now - timedelta(days=30)
        return {
            "day": (_("up to a day"), Q(created_at__gte=now - timedelta(days=1))),
            "week": (_("up to 7 days"), Q(created_at__gte=now - timedelta(days=7))),
            "month": (_("up to 30 days"), Q(created_at__gte=month_ago)),
            "older": (_("older than 30 days"), Q(created_at__lt=month_ago)),
        }


class LockFilter(_ConditionFilter):
    """Filters by the holder of the review lock; an expired lock counts as free."""

    title = _("lock")
    parameter_name = "lock"

    def conditions(self, request: HttpRequest) -> Mapping[str, Condition]:
        """Return whether the lock is the user's, another's, or free."""
        held = Q(locked_by__isnull=False, locked_until__gt=datetime.now(tz=UTC))
        own = Q(locked_by_id=request.user.pk)
        return {
            "mine": (_("held by me"), held & own),
            "others": (_("held by others"), held & ~own),
            "free": (_("free"), ~held),
        }


class CodeFilter(admin.AllValuesFieldListFilter):
    """Filters by a column of codes, with a label for every code and for none."""

    def choices(
        self,
        changelist: Any,  # Any: Django's own signature
    ) -> Iterator[Any]:  # Any: as above
        """Label every choice: an empty label would leave a link without text."""
        every, *codes = super().choices(changelist)
        named = [
            {**choice, "display": action_label(str(choice["display"])) or gettext("No code")}
            for choice in codes
        ]
        yield {**every, "display": gettext("All")}
        yield from sorted(named, key=lambda choice: str(choice["display"]))


class PickFilter(admin.RelatedFieldListFilter):
    """Filters by a row that is found by typing, because there may be thousands.

    The address has the same parameter as with Django's own list of links.
    """

    template = "admin/pick_filter.html"

    def field_choices(
        self,
        field: Any,  # Any: Django's own signature
        request: HttpRequest,
        model_admin: admin.ModelAdmin[Any],
    ) -> list[tuple[str, Any]]:
        """Read no rows: the widget fetches those that fit what is typed."""
        return []

    def has_output(self) -> bool:
        """Show the filter even while there is only one row."""
        return True

    def choices(
        self,
        changelist: Any,  # Any: Django's own signature
    ) -> Iterator[Any]:  # Any: as above
        """Yield the one field, and the other parameters that stay when it is sent."""
        yield {
            "field": self._form(changelist.model_admin)[self.lookup_kwarg],
            "kept": _other_parameters(changelist, but=[self.lookup_kwarg]),
            "is_set": bool(self.lookup_val),
            "all_url": changelist.get_query_string(remove=[self.lookup_kwarg, "p"]),
        }

    def _form(self, model_admin: Any) -> forms.Form:  # Any: of any model
        """Return the form of the one field; an unknown value leaves it empty."""
        manager = get_model_from_relation(self.field)._default_manager
        widget = AutocompleteSelect(
            self.field,
            model_admin.admin_site,
            attrs={"aria-label": capfirst(self.title), "data-width": "100%"},
        )
        picked = forms.ModelChoiceField(manager.all(), required=False, widget=widget)
        form = forms.Form(
            initial={self.lookup_kwarg: (self.lookup_val or [None])[-1]}, auto_id="filter_%s"
        )
        form.fields[self.lookup_kwarg] = picked
        return form


class DaysFilter(admin.FieldListFilter):
    """Filters by the days from and to, in the reader's time zone.

    Django's ``date_hierarchy`` reads every row to learn which days there are, which
    takes a second for five thousand rows.
    """

    template = "admin/days_filter.html"

    # Any: Django's own signature, for a column of any model.
    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        self._ends = (f"{field.name}__from", f"{field.name}__to")
        super().__init__(field, *args, **kwargs)

    def expected_parameters(self) -> list[str | None]:
        """Return the parameters of the first and of the last day."""
        return list(self._ends)

    def has_output(self) -> bool:
        """Show the filter for every list."""
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows from the first day to the end of the last one."""
        first, last = (self._day(name) for name in self._ends)
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": _begin(first)})
        if last:
            end = _begin(last + timedelta(days=1))
            queryset = queryset.filter(**{f"{self.field_path}__lt": end})
        return queryset

    def choices(
        self,
        changelist: Any,  # Any: Django's own signature
    ) -> Iterator[Any]:  # Any: as above
        """Yield the two fields, and the other parameters that stay when they are sent."""
        parameters = _other_parameters(changelist, but=self._ends)
        labels = (gettext("From"), gettext("To"))
        yield {
            "fields": [
                (name, label, self._day(name))
                for name, label in zip(self._ends, labels, strict=True)
            ],
            "kept": parameters,
            "is_set": any(map(self._day, self._ends)),
            "all_url": changelist.get_query_string(remove=[*self._ends, "p"]),
        }

    def _day(self, name: str) -> date | None:
        """Return the day that the address names; None if it names none."""
        values = self.used_parameters.get(name)
        try:
            return date.fromisoformat(values[-1]) if isinstance(values, list) else None
        except ValueError:
            return None


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _other_parameters(changelist: Any, *, but: Collection[str]) -> list[tuple[str, str]]:
    """Return the other parameters of a list, to be sent with a filter's form.

    Any: Django's change list.
    """
    parameters = {
        name: values for name, values in changelist.get_filters_params().items() if name not in but
    }
    if changelist.query:
        parameters["q"] = [changelist.query]
    return [(name, value) for name, values in parameters.items() for value in values]


def pick_media() -> forms.Media:
    """Return the scripts and styles of every ``PickFilter``."""
    field = ScannedFile._meta.get_field("container")
    return AutocompleteSelect(field, admin.site).media


class HereFilter(admin.ChoicesFieldListFilter, ABC):
    """Filters by choices, without those that no installed package has."""

    @abstractmethod
    def here(self) -> Collection[str]:
        """Return the choices to offer."""

    def choices(self, changelist: Any) -> Iterator[Any]:  # Any: Django's own signature
        """Yield "All", then the choices."""
        offered = super().choices(changelist)
        yield next(offered)
        here = self.here()
        for (value, _label), choice in zip(self.field.flatchoices, offered, strict=False):
            if value in here:
                yield choice
