"""The filters of lists of matches, for pages, exports, API and commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db.models import Q
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from base.accounts.services import deciders
from base.common.filters import (
    ZONE,
    Choices,
    Condition,
    Filter,
    FilterValues,
    OneOf,
    day,
    equal,
    from_day,
    number,
    score,
    seconds,
    text,
    until_day,
    uuid,
    zone,
)
from catalogue.models import Bucket, Recording
from catalogue.selectors import artists_hold, merged_into_any
from review.choices import DECIDED_STATES, WAITING_STATES, MatchState, QueueReason, Relation
from review.edits import Edit
from review.models.match import Match, Waits
from review.models.match_alias import MatchAlias
from review.models.policy import Policy
from scanning.choices import EngineChoice
from scanning.models import Container, ScannedFile

NOBODY = "(nobody)"
"""The value of the filter for matches without an assignee; no username has brackets."""
QUEUE = "queue"
MATCHES = "matches"
FILES = "files"
_EVERYWHERE = frozenset({QUEUE, MATCHES, FILES})
_BOTH = frozenset({QUEUE, MATCHES})
_MATCHES = frozenset({MATCHES})


def in_kept_files() -> Q:
    """Return the condition that a match's file is not deleted.

    Few files are deleted, so listing them once is far faster than a join per match.
    """
    deleted = ScannedFile.objects.filter(deleted_at__isnull=False)
    return ~Q(scanned_file__in=deleted.values("pk"))


def search_condition(searched: str) -> Q:
    """Return the condition that the text occurs in the names of a match.

    They are also those of the recording that its own was merged into.
    """
    stays = Recording.objects.filter(_named(searched))
    return (
        _named(searched, path="recording__")
        | merged_into_any(stays, path="recording__")
        | Q(scanned_file__name__icontains=searched)
        | Q(uid=searched)
        # Ids that were exported before a merge still find their match.
        | Q(pk__in=MatchAlias.objects.filter(uid=searched).values("match"))
    )


def _named(searched: str, *, path: str = "") -> Q:
    return (
        Q((f"{path}title__icontains", searched))
        | artists_hold(searched, path=path)
        | Q((f"{path}isrc_normalised__iexact", searched))
        | Q((f"{path}custom_id__iexact", searched))
    )


def _of_label(label: str) -> Q:
    own = Q(recording__label__iexact=label, recording__merged_into=None)
    stays = Recording.objects.filter(label__iexact=label)
    return own | merged_into_any(stays, path="recording__")


def _of_recording(uid: str) -> Q:
    """Select the matches of a recording, and of the recordings merged into it."""
    own = Recording.objects.filter(uid=uid)
    return Q(recording__uid=uid) | merged_into_any(own, path="recording__")


def _in_states(states: tuple[str, ...]) -> Q:
    """Select these states; matches of deleted files only if they are decided."""
    # Written out, this condition lets SQLite use the index of waiting matches.
    if set(states) == set(WAITING_STATES):
        return Q(Waits()) & in_kept_files()
    has_state = Q(state__in=states)
    if set(states).isdisjoint(DECIDED_STATES):
        return has_state & in_kept_files()
    return has_state & (in_kept_files() | Q(state__in=DECIDED_STATES))


def _decided(of_days: Callable[[str], Condition]) -> Condition:
    """Return a condition on the day of the decision that stands."""
    condition = of_days("decided_at")
    return lambda day: condition(day) & Match.decided()


def _assigned_to(username: str) -> Q:
    if username == NOBODY:
        return Q(assignee__isnull=True)
    return Q(assignee__username=username)


def _assignees() -> Choices:
    people = deciders().values_list("username", flat=True)
    return [(NOBODY, _("Nobody")), *((name, name) for name in people)]


def _longer(length: Decimal) -> Q:
    return Q(matched_ms__gte=int(length * 1000))


def _shorter(length: Decimal) -> Q:
    return Q(matched_ms__lte=int(length * 1000))


_DUE_WITHIN = {"overdue": 0, "day": 1, "week": 7}


def _due(when: str) -> Q:
    """Select by due date; the days count from now, not from midnight."""
    if when == "none":
        return Q(due_at__isnull=True)
    until = datetime.now(tz=UTC) + timedelta(days=_DUE_WITHIN[when])
    return Q(due_at__lt=until)


FILTERS = (
    Filter(
        "q",
        text,
        search_condition,
        on_file=equal("name__icontains"),
        label=_("Title, artist, file or code"),
        lists=_BOTH,
    ),
    Filter(
        "state",
        OneOf(MatchState.values),
        _in_states,
        label=_("State"),
        any_label=_("Any state"),
        choices=MatchState.choices,
        many=True,
        lists=_MATCHES,
    ),
    Filter(
        "reason",
        OneOf(QueueReason.values),
        equal("queue_reason"),
        label=_("Reason"),
        any_label=_("Any reason"),
        choices=QueueReason.choices,
        lists=_BOTH,
    ),
    Filter(
        "container",
        number,
        equal("scanned_file__container_id"),
        on_file=equal("container_id"),
        label=_("Container"),
        any_label=_("Any container"),
        model=Container,
        lists=_BOTH,
    ),
    Filter(
        "bucket",
        number,
        equal("recording__bucket_id"),
        label=_("Bucket"),
        any_label=_("Any bucket"),
        model=Bucket,
        lists=_BOTH,
    ),
    Filter(
        "relation",
        OneOf(Relation.values),
        equal("relation"),
        label=_("Relation"),
        any_label=_("Any relation"),
        choices=Relation.choices,
        lists=_BOTH,
    ),
    Filter(
        "edit",
        OneOf(Edit.values),
        equal("edit"),
        label=_("Edit"),
        any_label=_("Any edit"),
        choices=[(value, capfirst(label)) for value, label in Edit.choices],
        lists=_BOTH,
    ),
    Filter(
        "band",
        OneOf(["yes"]),
        lambda _yes: Q(low_hz__isnull=False) | Q(high_hz__isnull=False),
        label=_("Frequencies"),
        any_label=_("Any frequencies"),
        choices=[("yes", _("Heard only in a frequency range"))],
        lists=_BOTH,
    ),
    Filter("score_min", score, equal("score__gte"), label=_("Score from"), lists=_BOTH),
    Filter("score_max", score, equal("score__lte"), label=_("Score to"), lists=_MATCHES),
    Filter("length_min", seconds, _longer, label=_("Matched from (seconds)"), lists=_BOTH),
    Filter("length_max", seconds, _shorter, label=_("Matched to (seconds)"), lists=_BOTH),
    Filter(
        "assignee",
        text,
        _assigned_to,
        label=_("Assigned to"),
        any_label=_("Anybody"),
        options=_assignees,
        lists=_BOTH,
    ),
    Filter(
        "due",
        OneOf(["overdue", "day", "week", "none"]),
        _due,
        label=_("Due"),
        any_label=_("At any time"),
        choices=[
            ("overdue", _("Overdue")),
            ("day", _("Within a day")),
            ("week", _("Within 7 days")),
            ("none", _("No due date")),
        ],
        lists=_BOTH,
    ),
    Filter(
        "found_from",
        day,
        from_day("created_at"),
        on_file=from_day("created_at"),
        label=_("Found from"),
        lists=_EVERYWHERE,
    ),
    Filter(
        "found_until",
        day,
        until_day("created_at"),
        on_file=until_day("created_at"),
        label=_("Found until"),
        lists=_EVERYWHERE,
    ),
    Filter(
        "late",
        OneOf(["yes"]),
        lambda _yes: Q(found_late=True),
        label=_("Late matches"),
        any_label=_("All"),
        choices=[("yes", _("Only found late"))],
        lists=_BOTH,
    ),
    Filter(
        "programme",
        text,
        equal("scanned_file__programme__icontains"),
        on_file=equal("programme__icontains"),
        label=_("Programme"),
        lists=_EVERYWHERE,
    ),
    Filter(
        "platform",
        text,
        equal("scanned_file__platform__iexact"),
        on_file=equal("platform__iexact"),
        label=_("Platform"),
        lists=_EVERYWHERE,
    ),
    Filter(
        "account",
        text,
        equal("scanned_file__account__iexact"),
        on_file=equal("account__iexact"),
        label=_("Account"),
        lists=_EVERYWHERE,
    ),
    Filter("label", text, _of_label, label=_("Label"), lists=_BOTH),
    Filter(
        "engine",
        OneOf(EngineChoice.values),
        equal("scan__engine"),
        label=_("Engine"),
        any_label=_("Any engine"),
        choices=EngineChoice.choices,
        lists=_BOTH,
    ),
    Filter("decided_from", day, _decided(from_day), label=_("Decided from"), lists=_MATCHES),
    Filter("decided_until", day, _decided(until_day), label=_("Decided until"), lists=_MATCHES),
    Filter(
        "decided",
        OneOf(["people"]),
        lambda _people: Match.by_people() & Match.decided(),
        label=_("Decided by"),
        any_label=_("People, programs, policies, licences"),
        choices=[("people", _("People only"))],
        lists=_MATCHES,
    ),
    # The zone of the days above; it selects nothing itself.
    Filter(ZONE, zone, lambda _zone: Q(), on_file=lambda _zone: Q(), lists=_EVERYWHERE),
    # Not by the column: it would tell which hidden policy acted.
    Filter(
        "policy", text, lambda uid: Q(policy__in=Policy.objects.filter(uid=uid)), lists=_MATCHES
    ),
    Filter("file", uuid, equal("scanned_file__uid"), on_file=equal("uid")),
    Filter("recording", text, _of_recording),
    Filter("lost", OneOf(["yes"]), lambda _yes: Q(lost=True)),
)
"""All filters, in the order of the forms."""


class MatchFilter(FilterValues):
    """Filters of a list of matches; without any, all live matches pass."""

    filters = FILTERS

    @property
    def is_about_matches(self) -> bool:
        """Return whether the filters exclude all files without a match."""
        set_names = self.to_query()
        return any(spec.on_file is None and spec.name in set_names for spec in FILTERS)

    def condition(self) -> Q:
        """Hide deleted files by default, except for decisions."""
        condition = super().condition()
        if self.get("state"):
            return condition
        return condition & (in_kept_files() | Q(state__in=DECIDED_STATES))

    def file_condition(self) -> Q:
        """Select the files that are not deleted and that fit the filters."""
        return super().file_condition() & Q(deleted_at__isnull=True)
