"""Checks whether licences cover a use, and why not. Changes no rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from operator import or_

from django.db.models import Model, Q, QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from base.accounts.reach import working_for
from base.common.reading import read_date
from base.common.territories import read_territories
from base.common.zones import office_day
from catalogue.models import Bucket, Recording
from catalogue.selectors import standing_for, with_merged
from review.choices import EditedUses, LicenceScope, MatchState, OnExpiry, UseKind
from review.edits import MIXED, Edit
from review.models import Licence, Match
from review.subjects import Subject
from scanning.models import ScannedFile
from scanning.uses import FileUse, UseSource

WORLD = "WW"
MS = 1000


class Cover(StrEnum):
    """How much of a use a licence covers, most first."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class LicenceCheck:
    """One licence's answer for one use; ``why`` is empty for full cover."""

    licence: Licence
    cover: Cover
    why: str = ""


class LicencesInForce:
    """All licences in force, read once and indexed to check many matches.

    They act on all matches, so the viewer's limits make no difference.
    """

    def __init__(self) -> None:
        with working_for(None):
            self._read()

    def _read(self) -> None:
        rows = Licence.objects.filter(active=True, withdrawn_at__isnull=True)
        rows = rows.order_by("pk")
        self._wide = [
            licence for licence in rows if licence.scope in (LicenceScope.ALL, LicenceScope.LABEL)
        ]
        self._by_bucket = _group_licences(
            rows.filter(scope=LicenceScope.BUCKET), Licence.buckets.through, "bucket_id"
        )
        self._by_recording = _group_licences(
            rows.filter(scope=LicenceScope.RECORDINGS), Licence.recordings.through, "recording_id"
        )
        # A merged recording's licences also cover the recording it was merged into.
        licensed = Recording.objects.filter(licences__in=rows).distinct()
        for merged, stays in standing_for(licensed).items():
            also = self._by_recording.setdefault(stays, [])
            also += [
                licence for licence in self._by_recording.get(merged, ()) if licence not in also
            ]

    def of(self, recording: Recording) -> Iterator[Licence]:
        """Yield the licences that are for the recording."""
        yield from (licence for licence in self._wide if _is_for(licence, recording))
        yield from self._by_bucket.get(recording.bucket_id, ())
        yield from self._by_recording.get(recording.pk, ())


def _group_licences(
    rows: QuerySet[Licence], through: type[Model], column: str
) -> dict[int, list[Licence]]:
    """Group licences by the key of each bucket or recording they name."""
    licences = {row.pk: row for row in rows}
    grouped: dict[int, list[Licence]] = {}
    links = through._default_manager.filter(licence_id__in=licences)
    for key, licence in links.values_list(column, "licence_id"):
        grouped.setdefault(key, []).append(licences[licence])
    return grouped


def checks(*, subject: Subject, licences: LicencesInForce | None = None) -> list[LicenceCheck]:
    """Check the licences for the subject's recording, best cover first.

    Without ``licences`` they are those that the viewer may see, with a query for each
    subject.
    """
    # The members are declared from most to least cover.
    order = list(Cover)
    candidates = (
        _licences_for(subject.recording) if licences is None else licences.of(subject.recording)
    )
    results = [_check(licence, subject) for licence in candidates]
    return sorted(results, key=lambda check: (order.index(check.cover), check.licence.pk))


def check_one(licence: Licence, match: Match, licences: LicencesInForce) -> LicenceCheck | None:
    """Check one licence for a match; None if it is for others, or not in force."""
    results = checks(subject=Subject.of(match), licences=licences)
    return next((check for check in results if check.licence.pk == licence.pk), None)


def best(*, subject: Subject, licences: LicencesInForce | None = None) -> LicenceCheck | None:
    """Return the check of the licence that covers most; None if none covers any."""
    # Licences act regardless of what the viewer may see.
    with working_for(None):
        results = checks(subject=subject, licences=licences)
    return next((check for check in results if check.cover != Cover.NONE), None)


def check_terms(licence: Licence, match: Match) -> LicenceCheck | None:
    """Check one licence's terms for a match, in force or not; None if it is for others."""
    with working_for(None):
        rows = Match.objects.filter(_scope_condition(licence), pk=match.pk)
        return _check(licence, Subject.of(match)) if rows.exists() else None


def of_licence(
    *, licence: Licence, states: tuple[MatchState, ...]
) -> Iterator[tuple[Match, LicenceCheck]]:
    """Yield matches in these states with a recording the licence is for.

    Only the licence's terms count, not whether it is in force, so a draft can be tried.
    """
    rows = (
        Match.objects.filter(_scope_condition(licence), state__in=states)
        .filter(scanned_file__deleted_at__isnull=True)
        .select_related("recording", "scanned_file__container", "scan", "licence")
        .order_by("pk")
    )
    # A licence can be for every match there is.
    for match in rows.iterator(chunk_size=500):
        yield match, _check(licence, Subject.of(match))


def labels_match(labels: list[str], label: str) -> bool:
    """Return whether the list holds the label, ignoring case."""
    return label.casefold() in {name.casefold() for name in labels}


def _licences_for(recording: Recording) -> Iterator[Licence]:
    """Yield the licences in force that are for the recording."""
    for licence in ever_for(recording):
        if licence.active and licence.withdrawn_at is None:
            yield licence


def ever_for(recording: Recording) -> Iterator[Licence]:
    """Yield the licences for the recording, drafts and withdrawn ones too."""
    for_bucket = Licence.buckets.through.objects.filter(bucket=recording.bucket_id)
    for_recording = Licence.recordings.through.objects.filter(recording__in=with_merged(recording))
    licences = Licence.objects.filter(
        Q(scope__in=(LicenceScope.ALL, LicenceScope.LABEL))
        | Q(scope=LicenceScope.BUCKET, pk__in=for_bucket.values("licence"))
        | Q(scope=LicenceScope.RECORDINGS, pk__in=for_recording.values("licence"))
    )
    yield from (licence for licence in licences.order_by("pk") if _is_for(licence, recording))


def _is_for(licence: Licence, recording: Recording) -> bool:
    """Return whether the licence's labels include the recording's; else True."""
    return licence.scope != LicenceScope.LABEL or labels_match(licence.labels, recording.label)


def _scope_condition(licence: Licence) -> Q:
    """Return the condition that a match's recording is in the licence's scope."""
    return in_scope(licence, licence.buckets.all(), licence.recordings.all())


def in_scope(licence: Licence, buckets: Iterable[Bucket], recordings: QuerySet[Recording]) -> Q:
    """Return the condition that a match's recording is in the scope of these terms."""
    if licence.scope == LicenceScope.BUCKET:
        return Q(recording__bucket__in=buckets)
    if licence.scope == LicenceScope.RECORDINGS:
        return Q(recording__in=recordings) | Q(recording__in=set(standing_for(recordings).values()))
    if licence.scope == LicenceScope.LABEL:
        named = (Q(recording__label__iexact=label) for label in licence.labels)
        return reduce(or_, named, Q(pk__in=[]))
    return Q()


def _check(licence: Licence, subject: Subject) -> LicenceCheck:
    """Check a use against the licence's terms; its scope must include the recording."""
    other_use = _other_use(licence, subject.file)
    if other_use:
        return LicenceCheck(licence, Cover.NONE, other_use)
    use = subject.use
    outside = {day: _outside_dates(licence, day) for day in _days(licence, use)}
    if all(outside.values()):
        return LicenceCheck(licence, Cover.NONE, next(iter(outside.values())))
    why = _passed_limit(licence, subject, use) or _some_day(outside)
    return LicenceCheck(licence, Cover.PARTIAL if why else Cover.FULL, why)


def _other_use(licence: Licence, file: ScannedFile) -> str:
    """Return why the file is not among the licence's uses; empty if it is."""
    if licence.use_kind == UseKind.ANY:
        return ""
    values = [str(value).casefold() for value in licence.use_values]
    if licence.use_kind == UseKind.URL_PREFIX:
        if file.source_url.casefold().startswith(tuple(values)):
            return ""
        return _("The file's address is not on its list.")
    value, missing, not_listed = {
        UseKind.ACCOUNT: (
            file.account,
            _("The file has no account."),
            _("The account is not on its list."),
        ),
        UseKind.PROGRAMME: (
            file.programme,
            _("The file has no programme."),
            _("The programme is not on its list."),
        ),
        UseKind.EXTERNAL_ID: (
            file.external_id,
            _("The file has no external id."),
            _("The external id is not on its list."),
        ),
    }[UseKind(licence.use_kind)]
    if not value:
        return missing
    return "" if value.casefold() in values else not_listed


def _days(licence: Licence, use: FileUse) -> list[date]:
    """Return the days on which a licence must permit a use.

    If uses in the period stay cleared, these are the days of the use. If not, today
    counts, because an online use goes on; a broadcast must be permitted on its day too.
    """
    if licence.on_expiry == OnExpiry.KEEP:
        return list(use.days)
    aired = use.days if use.day_source == UseSource.BROADCAST else ()
    return [office_day(), *aired]


def _some_day(outside: Mapping[date, str]) -> str:
    """Return which day of several a licence does not cover; empty if it covers all."""
    day = next((day for day, why in outside.items() if why), None)
    if day is None:
        return ""
    return _("It does not cover the use on %(day)s: %(why)s") % {
        "day": read_date(day, "dated"),
        "why": outside[day],
    }


def _outside_dates(licence: Licence, day: date) -> str:
    """Return why a day is outside the licence's period; empty if it is inside.

    Where uses in the period stay cleared, a withdrawal ends the period.
    """
    ends = licence.valid_until
    if licence.on_expiry == OnExpiry.KEEP and licence.withdrawn_at is not None:
        withdrawn = office_day(licence.withdrawn_at)
        ends = withdrawn if ends is None else min(ends, withdrawn)
    if licence.valid_from is not None and day < licence.valid_from:
        return _("It starts on %(valid_from)s.") % {
            "valid_from": read_date(licence.valid_from, "dated")
        }
    if ends is not None and day > ends:
        return _("It ended on %(valid_until)s.") % {"valid_until": read_date(ends, "dated")}
    return ""


def _passed_limit(licence: Licence, subject: Subject, use: FileUse) -> str:
    """Return the limit that the use exceeds; empty if none."""
    limit = licence.max_seconds
    if limit is not None and subject.measured.matched_ms > limit * MS:
        return _("It allows %(limit)s s; more is used.") % {"limit": limit}
    if edited := _passed_edit(licence, subject):
        return edited
    allowed = {str(code).upper() for code in licence.territories}
    # No territory listed means the whole world.
    if not allowed or WORLD in allowed:
        return ""
    if not use.is_everywhere_known:
        return _("It covers certain territories, and the territory of the use is unknown.")
    outside = sorted(use.territories - allowed)
    return (
        _("It does not cover %(outside)s.") % {"outside": read_territories(outside)}
        if outside
        else ""
    )


def _passed_edit(licence: Licence, subject: Subject) -> str:
    """Return why the licence does not cover how the use is edited; empty if it does."""
    measured = subject.measured
    if licence.edited_uses == EditedUses.COVERED or measured.edit == Edit.NONE:
        return ""
    if not measured.edit:
        return _("It depends on how the use is edited, which this engine does not measure.")
    if licence.edited_uses == EditedUses.NOT_COVERED:
        return _("It does not cover edited uses.")
    if measured.edit in MIXED:
        return _("It limits edits, and the parts of this use are edited differently.")
    speed = abs(measured.speed_pct or Decimal(0))
    semitones = Decimal(abs(measured.pitch_cents or 0)) / 100
    for limit, change, why in (
        (licence.max_speed_pct, speed, _("It allows changes of speed up to %(limit)s %%.")),
        (
            licence.max_semitones,
            semitones,
            _("It allows changes of pitch up to %(limit)s semitones."),
        ),
    ):
        if limit is not None and change > limit:
            return why % {"limit": number_format(f"{limit.normalize():f}")}
    return ""
