"""Imports a platform's report, or only checks it.

Rows are applied in batches of one transaction each, so that an import holds nobody up and
can be stopped; repeated, it finds what it did and changes nothing. A row whose hash is
stored is not written. What an import changes is kept as it was before, for its undo.
"""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.db.models import Max, Min, QuerySet
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.reach import refuse_limited, working_for
from base.common.batches import batched
from base.common.storage import local_path
from imports.column_check import HEADER_LINE, map_columns
from imports.errors import ImportRefused, RowFault, TableRefused
from imports.kinds import Columns
from imports.mapping import LEFT_OUT, unknown_names
from imports.models import ImportStep
from imports.table_notes import reading_of
from plugins.claims.bulk import write_rows
from plugins.claims.choices import Platform, ReportKind
from plugins.claims.grounds import want_comparison
from plugins.claims.importing import prior
from plugins.claims.importing.foresight import Foresight
from plugins.claims.importing.reading import MAX_ROWS, Rows, open_report
from plugins.claims.importing.reports import (
    Report,
    RowReader,
    Values,
    known_names,
    merged_assets,
    recognise,
    terms_of,
    unknown_columns,
)
from plugins.claims.models import (
    AssetConflict,
    ClaimsImport,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    PlatformVideo,
    PolicyTerms,
    ReferenceFile,
    Reported,
    ReportedValue,
    day_column,
)

AT_ONCE: Final = 2_000
SHOWN: Final = 200
MOST_VALUES: Final = 200
_MODELS: Final[dict[ReportKind, type[Reported]]] = {
    ReportKind.CLAIMS: PlatformClaim,
    ReportKind.ASSETS: PlatformAsset,
    ReportKind.REFERENCES: ReferenceFile,
    ReportKind.CONFLICTS: AssetConflict,
    ReportKind.VIDEOS: PlatformVideo,
}
_ASSET_FIELDS: Final = (*("asset_title", "asset_custom_id", "asset_isrc", "asset_iswc"),)
_OF_CLAIMS: Final = (*("title", "claimed_custom_id", "claimed_isrc", "claimed_iswc"),)


@dataclass(slots=True)
class ClaimsSummary:
    """What an import of a report did or would do; the lists hold the first entries.

    ``repeated`` counts further rows of an id, of which the first one counts.
    """

    is_older: bool = False
    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    repeated: int = 0
    vanished: int = 0
    skipped: int = 0
    refused: int = 0
    fault_count: int = 0
    opened: dict[str, int] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)
    """How many entries of each list a check would open and close."""
    entries: list[dict[str, str]] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)
    reading: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    unknown_values: list[str] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON

    def note(self, line: int, fault: RowFault, code: str = "bad_row") -> None:
        """Count a refused row; the first are kept."""
        self.refused += 1
        self.fault_count += 1
        if len(self.faults) < SHOWN:
            self.faults.append(
                {
                    "line": line,
                    "column": fault.column,
                    "value": fault.value[:200],
                    "rule": fault.rule,
                    "code": code,
                }
            )


class SeenKeys:
    """The keys of rows that were met: one byte each, however many there are."""

    def __init__(self, rows: QuerySet[Any]) -> None:  # Any: rows of any model
        ends = rows.order_by().aggregate(first=Min("pk"), last=Max("pk"))
        self._first = ends["first"] or 0
        self._last = ends["last"] or -1
        self._seen = bytearray(self._last - self._first + 1)

    def add(self, key: int) -> bool:
        """Note a key; return whether it is new. Rows made since were met."""
        if key > self._last or self._seen[key - self._first]:
            return False
        self._seen[key - self._first] = 1
        return True

    def __contains__(self, key: int) -> bool:
        return key > self._last or bool(self._seen[key - self._first])


@dataclass(slots=True)
class ReportImporter:
    """Applies the rows of one report to an account; ``dry`` writes nothing."""

    import_: ClaimsImport
    report: Report
    dry: bool
    heartbeat: Callable[[], None] = lambda: None
    merged: set[str] = field(default_factory=set)
    """Ids of assets that the report merges: a check must know them before its first row."""
    summary: ClaimsSummary = field(default_factory=ClaimsSummary)
    _previous: date | None = field(init=False)
    _rows: QuerySet[Any] = field(init=False)  # Any: rows of the report's model
    _seen: SeenKeys = field(init=False)
    _has_others: bool = field(init=False)
    _met_assets: set[int] = field(default_factory=set)
    _new: array[int] = field(default_factory=lambda: array("Q"))
    """Digests of rows that a check would add."""
    _values: set[str] = field(default_factory=set)
    _faulty: list[str] = field(default_factory=list)
    _terms: dict[str, int] = field(default_factory=dict)
    _foresight: Foresight | None = None

    def __post_init__(self) -> None:
        self._previous = getattr(self.import_.account, day_column(self.report.kind))
        older = self._previous is not None and self.import_.report_day < self._previous
        self.summary.is_older = older
        model = _MODELS[self.report.kind]
        self._rows = model._default_manager.filter(account=self.import_.account)
        self._seen = SeenKeys(self._rows)
        accounts = PlatformAccount.objects.filter(platform=self.import_.account.platform)
        self._has_others = accounts.exclude(pk=self.import_.account.pk).exists()
        if self.dry and not older:
            self._foresight = Foresight(
                self.import_.account,
                self.report.kind,
                model,
                self.import_.report_day,
                dict(zip(_OF_CLAIMS, _ASSET_FIELDS, strict=True)),
                self.merged,
            )

    def run(self, rows: Rows) -> ClaimsSummary:
        """Apply batch by batch; a row with a fault does not affect the others."""
        summary = self.summary
        if summary.is_older and not self._is_of_claims:
            raise ImportRefused(
                _(
                    "This report is older than that of %(day)s, which is imported "
                    "already. Import the newest one."
                )
                % {"day": f"{self._previous:%Y-%m-%d}"}
            )
        summary.unknown_columns = unknown_columns(self.report, rows.header)
        for batch in batched(self._read(rows), AT_ONCE):
            self.heartbeat()
            self._apply(batch)
        if not summary.is_older:
            self._note_vanished()
        if self.dry:
            # A set of a million numbers would take three times the memory.
            ordered = itertools.pairwise(sorted(self._new))
            again = sum(key == following for key, following in ordered)
            summary.added -= again
            summary.repeated += again
        self._note_values()
        if self._foresight is not None:
            self._foresight.finish(self.heartbeat)
            summary.opened = dict(self._foresight.opened)
            summary.closed = dict(self._foresight.closed)
            summary.entries = self._foresight.first
        if not self.dry:
            self._finish()
        return summary

    def _read(self, rows: Rows) -> Iterator[tuple[int, Values]]:
        reader = RowReader(self.report, rows.header)
        explained = self.report.explained_field
        for row in rows:
            if self.summary.rows >= MAX_ROWS:
                raise TableRefused(
                    _("The report has more than %(most)d rows. Split it.") % {"most": MAX_ROWS}
                )
            self.summary.rows += 1
            try:
                values = reader.read(row)
                self._refuse_other_platform(values)
            except RowFault as fault:
                self.summary.note(row.line, fault)
                # The report has the row, though it cannot be read.
                self._faulty.append(reader.key_of(row))
                if len(self._faulty) >= AT_ONCE:
                    self._see_faulty()
                continue
            value = values[explained] if explained else ""
            if value and len(self._values) < MOST_VALUES:
                self._values.add(value)
            yield row.line, values

    def _refuse_other_platform(self, values: Values) -> None:
        """Refuse a row that names another platform than that of the account."""
        expected = self.import_.account.platform
        if (named := values.pop("platform", "") or expected) != expected:
            raise RowFault(
                "platform",
                named[:200],
                _("The account is on %(platform)s.")
                % {"platform": self.import_.account.get_platform_display()},
            )

    def _apply(self, batch: Sequence[tuple[int, Values]]) -> None:
        key = self.report.key
        first = self._first_rows(batch)
        stored = {
            row[0]: row
            for row in self._rows.filter(**{f"{key}__in": first}).values_list(
                key, "pk", "row_hash", "gone_on"
            )
        }
        new, changed = [], []
        for name, values in first.items():
            values.pop("line")
            if name not in stored:
                new.append(values)
                continue
            _name, pk, row_hash, gone_on = stored[name]
            if not self._seen.add(pk):
                self.summary.repeated += 1
            elif row_hash == values["row_hash"] and gone_on is None:
                self.summary.unchanged += 1
            else:
                changed.append(values)
        if self.summary.is_older:
            self.summary.skipped += len(new)
            self._fill_days(first)
            return
        # An asset that only claims named has no hash yet.
        named = sum(not stored[values[key]][2] for values in changed)
        self.summary.added += len(new) + named
        self.summary.updated += len(changed) - named
        if self.dry:
            for values in new:
                digest = hashlib.blake2b(values[key].encode(), digest_size=8)
                self._new.append(int.from_bytes(digest.digest()))
            self._foresee([*first.values()], [*new, *changed])
        elif new or changed:
            with transaction.atomic():
                self._write(new, changed)

    def _foresee(self, rows: Sequence[Values], written: Sequence[Values]) -> None:
        """Have it looked at what a batch would open and close."""
        if self._foresight is None:
            return
        key = self.report.key
        stored = self._rows.filter(**{f"{key}__in": [row_values[key] for row_values in written]})
        before = {getattr(row, key): row for row in stored}
        for values in written if self._is_of_claims else ():
            values["cells"] = terms_of(values)
            self._set_days(values, before.get(values[key]))
        self._foresight.see(rows, written, before)

    def _first_rows(self, batch: Sequence[tuple[int, Values]]) -> dict[str, Values]:
        """Return the first row of each id of this account."""
        first: dict[str, Values] = {}
        for line, values in batch:
            if values[self.report.key] in first:
                self.summary.repeated += 1
            else:
                values["line"] = line
                first[values[self.report.key]] = values
        if self._has_others and self._is_of_claims:
            # Each platform numbers its claims: those of another account show that the
            # report is not this one's.
            elsewhere = PlatformClaim.objects.filter(
                claim_id__in=first, account__platform=self.import_.account.platform
            ).exclude(account=self.import_.account)
            for name, account in elsewhere.values_list("claim_id", "account__name"):
                message = _("This claim belongs to %(account)s. Choose the account of this report.")
                fault = RowFault("claim_id", name, message % {"account": account})
                self.summary.note(first.pop(name)["line"], fault, "wrong_account")
        return first

    @property
    def _is_of_claims(self) -> bool:
        return self.report.kind == ReportKind.CLAIMS

    def _write(self, new: list[Values], changed: list[Values]) -> None:
        """Write new and changed rows, and keep what the changed ones were."""
        model, key = _MODELS[self.report.kind], self.report.key
        before = {
            getattr(row, key): row
            for row in self._rows.filter(**{f"{key}__in": [v[key] for v in changed]})
        }
        if before:
            prior.keep(self.import_, list(before.values()))
        written = [*new, *changed]
        if self.report.kind != ReportKind.ASSETS:
            self._find_assets(written)
        now = datetime.now(tz=UTC)
        for values in written:
            values |= {
                "account": self.import_.account_id,
                "first_import": self.import_.pk,
                "gone_on": None,
            }
            if self._is_of_claims:
                values["updated_at"] = now
                self._set_days(values, before.get(values[key]))
        names = _COLUMNS[self.report.kind]
        columns = [f.name for f in model._meta.concrete_fields if f.name in names]
        write_rows(model, written, unique=("account", key), update=columns)

    def _set_days(self, values: Values, before: PlatformClaim | None) -> None:
        day = self.import_.report_day
        previous = self._previous if self._previous and self._previous < day else None
        if before is None:
            days = day, day, previous
        elif before.status_detail == values["status_detail"]:
            days = before.first_report, before.detail_since, before.detail_after
        else:
            if previous is None and before.first_report < day:
                previous = before.first_report
            days = before.first_report, day, previous
        values |= zip(_DAYS, days, strict=True)

    def _fill_days(self, reported: Mapping[str, Values]) -> None:
        """Take from an older report only on which days it had claims and details."""
        day = self.import_.report_day
        rows, before = [], []
        for row in self._rows.filter(claim_id__in=reported):
            was = (row.first_report, row.detail_since, row.detail_after)
            original = PlatformClaim(pk=row.pk, **{name: getattr(row, name) for name in _DAYS})
            row.first_report = min(row.first_report, day)
            if row.detail_after is None or day > row.detail_after:
                if reported[row.claim_id]["status_detail"] == row.status_detail:
                    row.detail_since = min(row.detail_since, day)
                elif day < row.detail_since:
                    row.detail_after = day
            if was != (row.first_report, row.detail_since, row.detail_after):
                rows.append(row)
                before.append(original)
        self.summary.updated += len(rows)
        if not self.dry and rows:
            with transaction.atomic():
                prior.keep(self.import_, before, _DAYS)
                PlatformClaim.objects.bulk_update(rows, _DAYS, batch_size=200)

    def _find_assets(self, written: list[Values]) -> None:
        """Set the assets of rows; make those that are new, and note what claims say."""
        named = {values["asset_id"]: values for values in reversed(written) if values["asset_id"]}
        assets = PlatformAsset.objects.filter(account=self.import_.account)
        stored = {asset.asset_id: asset for asset in assets.filter(asset_id__in=named)}
        made, moved, before = [], [], []
        for asset_id, values in named.items():
            claimed = [values.get(name, "") for name in _ASSET_FIELDS]
            asset = stored.get(asset_id)
            if asset is None:
                made.append(
                    PlatformAsset(
                        account=self.import_.account,
                        first_import=self.import_.pk,
                        asset_id=asset_id,
                        **dict(zip(_OF_CLAIMS, claimed, strict=True)),
                    )
                )
                continue
            # What claims say comes first, and most other reports have no ISRC.
            if not self._is_of_claims or asset.pk in self._met_assets:
                continue
            self._met_assets.add(asset.pk)
            if [getattr(asset, name) for name in _OF_CLAIMS] != claimed:
                former = {name: getattr(asset, name) for name in _OF_CLAIMS}
                before.append(PlatformAsset(pk=asset.pk, **former))
                for name, value in zip(_OF_CLAIMS, claimed, strict=True):
                    setattr(asset, name, value)
                moved.append(asset)
        stored |= {asset.asset_id: asset for asset in PlatformAsset.objects.bulk_create(made)}
        self._met_assets.update(asset.pk for asset in made)
        if moved:
            prior.keep(self.import_, before, _OF_CLAIMS)
            PlatformAsset.objects.bulk_update(moved, _OF_CLAIMS, batch_size=200)
        for values in written:
            asset = stored.get(values["asset_id"])
            values["asset"] = asset and asset.pk
            if self._is_of_claims:
                values["terms"] = self._find_terms(terms_of(values))

    def _find_terms(self, cells: dict[str, str]) -> int | None:
        if not any(cells.values()):
            return None
        text = "\x1f".join(cells.values())
        digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        if digest not in self._terms:
            row, _made = PolicyTerms.objects.get_or_create(digest=digest, defaults=cells)
            if len(self._terms) > AT_ONCE:
                self._terms.clear()
            self._terms[digest] = row.pk
        return self._terms[digest]

    def _see_faulty(self) -> None:
        stored = self._rows.filter(**{f"{self.report.key}__in": self._faulty})
        for key in stored.values_list("pk", flat=True):
            self._seen.add(key)
        if self._foresight is not None and self._faulty:
            self._foresight.keep(stored)
        self._faulty.clear()

    def _note_vanished(self) -> None:
        """Mark rows that the report has no more; they are never deleted."""
        self._see_faulty()
        rows = self._rows.filter(gone_on=None)
        if self.report.kind == ReportKind.ASSETS:
            rows = rows.exclude(row_hash="")
        last = 0
        while keys := list(
            rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]
        ):
            self.heartbeat()
            last = keys[-1]
            gone = [key for key in keys if key not in self._seen]
            self.summary.vanished += len(gone)
            if self._foresight is not None and gone:
                self._foresight.see_gone(gone)
            if self.dry or not gone:
                continue
            with transaction.atomic():
                some = self._rows.filter(pk__in=gone)
                prior.keep(self.import_, [some.model(pk=key) for key in gone], ("gone_on",))
                some.update(gone_on=self.import_.report_day)

    def _note_values(self) -> None:
        of = {"platform": self.import_.account.platform, "column": self.report.explained}
        values = self._values - self.report.documented
        noted = ReportedValue.objects.filter(**of, value__in=values)
        new = sorted(values - set(noted.values_list("value", flat=True)))
        self.summary.unknown_values = new
        if not self.dry:
            ReportedValue.objects.bulk_create(
                [ReportedValue(**of, value=value) for value in new], ignore_conflicts=True
            )

    def _finish(self) -> None:
        """Note the day of the report, and have everything compared."""
        account = self.import_.account
        with transaction.atomic():
            column = day_column(self.report.kind)
            locked = PlatformAccount.objects.select_for_update().get(pk=account.pk)
            newest = getattr(locked, column)
            # A newer report may have been imported at the same time.
            if newest is None or self.import_.report_day >= newest:
                prior.keep_once(self.import_, locked, (column,))
                setattr(locked, column, self.import_.report_day)
                locked.save(update_fields=[column])
            want_comparison(account)


_DAYS: Final = ("first_report", "detail_since", "detail_after")
_COLUMNS: Final = {
    ReportKind.CLAIMS: {
        *("asset", "video_id", "link_key", "reference_id", "channel_id", "channel"),
        *("title", "status", "status_detail", "origin", "claim_type", "content_type"),
        *("views", "matching_duration", "longest_match", "video_seconds", "terms"),
        *("claimed_on", "uploaded_on", "row_hash", "gone_on", *_DAYS),
        *("address", "dispute_reported_on", "other_claimant", "updated_at"),
    },
    ReportKind.ASSETS: {
        *("asset_type", "custom_id", "your_isrc", "display_isrc", "other_isrc"),
        *("match_policy", "ownership", "conflicting_owner", "conflicting_countries"),
        *("active_references", "constituents", "row_hash", "gone_on"),
    },
    ReportKind.REFERENCES: {
        *("asset", "status", "status_detail", "length_seconds", "excluded_pct"),
        *("exclusions", "row_hash", "gone_on"),
    },
    ReportKind.CONFLICTS: {
        *("asset", "owner", "owner_isrc", "countries", "ownership_updated"),
        *("row_hash", "gone_on"),
    },
    ReportKind.VIDEOS: {
        *("asset", "link_key", "claim_ids", "channel_id", "title", "views"),
        *("privacy_status", "effective_policy", "other_owners", "another_owner"),
        *("row_hash", "gone_on"),
    },
}
"""The columns that a report writes."""


def run(import_: ClaimsImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Import the report, or only check it; return the columns with the outcome."""
    refuse_limited(import_.starter())
    mapped: Columns = {}
    with working_for(None), local_path(import_.file) as path:
        opened = partial(
            open_report, path, names=known_names(), header_line=import_.rules.get(HEADER_LINE)
        )
        with opened() as rows:
            report = recognise(rows, Platform(import_.account.platform))
            if report.targets is not None:
                columns, _rules, mapped = map_columns(import_, rows.table, heartbeat)
        outcome = {"kind": report.kind.value, **mapped}
        if "status" in mapped:
            return outcome
        if not dry:
            _begin(import_, report)
        with opened() as rows:
            is_merging = dry and report.kind == ReportKind.ASSETS
            merged = merged_assets(report, rows) if is_merging else set()
        with opened() as rows:
            task = ReportImporter(import_, report, dry, heartbeat, merged)
            if mapped:
                targets = (column.target for column in columns)
                rows.header = tuple("" if t == LEFT_OUT else t for t in targets)
            summary = task.run(rows)
            if mapped:
                summary.unknown_columns = unknown_names(columns)
            summary.reading = reading_of(rows.table, not_read=summary.unknown_columns)
        return {**outcome, "summary": asdict(summary)}


@transaction.atomic
def _begin(import_: ClaimsImport, report: Report) -> None:
    """Record the import once, as the step that its undo takes back."""
    prior.forget_earlier(import_)
    if ImportStep.objects.filter(import_uid=import_.uid).exists():
        return
    base.audit.services.record(
        case=import_.case,
        action="claims.imported",
        actor=import_.made_by or base.audit.services.SYSTEM,
        after={
            "import": import_.uid,
            "import_key": import_.pk,
            "name": import_.account.name,
            "report": report.kind.value,
            "day": import_.report_day.isoformat(),
        },
    )
