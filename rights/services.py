"""Applies what messages claim; ``actions`` is what people do.

Repeating a message changes nothing. Empty fields are filled, never overwritten; a value
that differs from the record's is kept as a statement and shows as a conflict. The
shares of a record that a sender claimed before are replaced by those it claims now, per
right and kind; those of others, and of people, stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar

from django.db import models, transaction
from django.utils.translation import gettext as _

import audit.services
from accounts.models import User
from audit.services import EventDraft
from catalogue.identifiers import (
    BadIdentifier,
    bare_dpid,
    check_dpid,
    check_grid,
    check_ipi_base,
    check_ipi_name,
    check_ipn,
    check_isni,
    check_isrc,
    check_iswc,
    check_label_code,
    check_society,
    check_upc,
)
from catalogue.models import CodeStatus
from rights import tis
from rights.choices import WRITER_ROLES, Right, ShareKind, StatedField, TitleKind
from rights.claims import (
    Applied,
    AppliedRecord,
    ClaimFault,
    PartyClaim,
    RecordingClaim,
    ReleaseClaim,
    RightsMessage,
    ShareClaim,
    TitleClaim,
    WorkClaim,
)
from rights.conflicts import neighbours, refresh
from rights.filling import fill_recordings
from rights.matching import (
    find_party,
    find_recording,
    find_release,
    find_work,
    match_key_of,
)
from rights.models import (
    OtherTitle,
    Party,
    Release,
    RightsRecording,
    Share,
    Statement,
    Track,
    Work,
    WorkNumber,
)
from rights.records import Record, column_of
from rights.texts import folded

Row = TypeVar("Row", Party, Work, RightsRecording, Release)
_PARTY_CHECKS: Final[Mapping[str, Callable[[str], str]]] = {
    "ipi_name": check_ipi_name,
    "ipi_base": check_ipi_base,
    "isni": check_isni,
    "ipn": check_ipn,
    "society": check_society,
}
_CASES: Final = {
    Party: "party",
    Work: "work",
    RightsRecording: "rights_recording",
    Release: "release",
}
# What makes two shares the same claim.
SHARE_VALUES: Final = (
    "party_id",
    "role",
    "right",
    "kind",
    "percent",
    "included",
    "excluded",
    "valid_from",
    "valid_until",
    "controlled_by_id",
    "agreement",
)


class _ClaimRefused(Exception):
    """A claim stays out; the fault says why."""

    def __init__(
        self, field: str, value: object, rule: str, line: int | None = None
    ) -> None:
        self.field, self.value, self.rule = field, str(value), rule
        self.line = line
        super().__init__(rule)


def case_of(record: Party | Record) -> str:
    """Return the record's case in the audit trail."""
    return f"{_CASES[type(record)]}:{record.uid}"


@transaction.atomic
def apply_claims(
    *,
    message: RightsMessage,
    source: str,
    actor: User | None,
    dry_run: bool = False,
    follows: bool = True,
) -> Applied:
    """Write a message's claims and return the changes; all or nothing.

    Without ``follows``, the caller has conflicts and recordings brought up to date
    later, by the job ``rights.jobs.REVIEW_RIGHTS``.

    ``source`` names the import, for whoever looks where a share comes from. Claims with
    faults stay out, and the faults say why. A dry run counts the same and writes
    nothing.
    """
    applying = _Applying(message, source)
    applied = applying.run()
    if dry_run:
        transaction.set_rollback(True)
        return applied
    # Before the events: it adds some of recordings and conflicts.
    if follows:
        follow(applying.records(), user=actor)
    audit.services.record_all(
        list(applying.events.values()), actor=actor or audit.services.SYSTEM
    )
    return applied


def follow(records: Iterable[Record], *, user: User | None) -> None:
    """Bring conflicts and the flat fields of recordings to what records say now."""
    near = neighbours(records)
    refresh(near)
    fill_recordings(
        (each for each in near if isinstance(each, RightsRecording)), user=user
    )


@dataclass(slots=True)
class _Known:
    """What the records have of a message's codes, found with one query for each kind."""

    recordings: dict[str, RightsRecording] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    iswcs: set[str] = field(default_factory=set)
    moved: dict[str, list[Share]] = field(default_factory=dict)
    """Living shares by number that a person took along into another work."""

    @classmethod
    def of(cls, message: RightsMessage, claimant: str) -> _Known:
        """Look up the codes of a message."""
        isrcs = {check_isrc(claim.isrc).normalised for claim in message.recordings}
        iswcs = {_bare_iswc(claim.iswc) for claim in message.works}
        numbers = WorkNumber.objects.filter(
            claimant=claimant,
            number__in={claim.submitter_id.strip()[:100] for claim in message.works},
        )
        works_by_number = dict(numbers.values_list("number", "work"))
        rows = RightsRecording.objects.filter(isrc__in=isrcs - {""})
        works = Work.objects.filter(iswc__in=iswcs - {""})
        return cls(
            {row.isrc: row for row in rows},
            set(works_by_number),
            set(works.values_list("iswc", flat=True)),
            _moved(works_by_number, claimant),
        )

    def may_have(self, *, number: str, iswc: str) -> bool:
        """Tell whether a work with this number, ISWC or neither may be known."""
        is_known = number in self.numbers or iswc in self.iswcs or not (number or iswc)
        if iswc:
            self.iswcs.add(iswc)
        return is_known


def _moved(works: Mapping[str, int], claimant: str) -> dict[str, list[Share]]:
    """Return living shares that stand in another work than the one of their number."""
    moved: dict[str, list[Share]] = defaultdict(list)
    shares = Share.objects.filter(
        claimant=claimant,
        number__in=works,
        work__isnull=False,
        withdrawn_at__isnull=True,
    )
    places = shares.values_list("pk", "number", "work")
    away = [pk for pk, number, work in places if works[number] != work]
    for share in Share.objects.filter(pk__in=away).select_related("work"):
        moved[share.number].append(share)
    return moved


@dataclass(slots=True)
class _NewRows:
    """Rows that belong to records, written together at the end of a message."""

    shares: list[Share] = field(default_factory=list)
    titles: list[OtherTitle] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    links: list[Any] = field(default_factory=list)  # Any: Django's own model
    statements: dict[tuple[str, str, str], Statement] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    """Cases of records whose shares are among the rows or were."""
    titled: set[int] = field(default_factory=set)
    stated: set[tuple[str, str, str]] = field(default_factory=set)
    linked: dict[int, set[int]] = field(default_factory=dict)
    tracked: dict[int, dict[int | None, int]] = field(default_factory=dict)

    def save(self) -> None:
        """Write the rows that wait."""
        Share.objects.bulk_create(self.shares)
        OtherTitle.objects.bulk_create(self.titles)
        Track.objects.bulk_create(self.tracks)
        Work.recordings.through._default_manager.bulk_create(self.links)
        stated = self.statements.values()
        Statement.objects.bulk_create([row for row in stated if row.pk is None])
        for row in stated:
            if row.pk is not None:
                row.save()
        self.shares, self.titles, self.tracks, self.links = [], [], [], []
        self.statements = {}


def _bare_iswc(given: str) -> str:
    try:
        return check_iswc(given)
    except BadIdentifier:
        return ""


@dataclass(slots=True)
class _Applying:
    """One message on its way into the records."""

    message: RightsMessage
    source: str
    claimant: str = ""
    parties: dict[str, Party] = field(default_factory=dict)
    works: dict[str, Work] = field(default_factory=dict)
    recordings: dict[str, RightsRecording] = field(default_factory=dict)
    touched: dict[str, Party | Record] = field(default_factory=dict)
    events: dict[str, EventDraft] = field(default_factory=dict)
    faults: list[ClaimFault] = field(default_factory=list)
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    _new: set[str] = field(default_factory=set)
    """Cases of records that this message made, which need no look at earlier rows."""
    _known: _Known = field(default_factory=lambda: _Known())
    _rows: _NewRows = field(default_factory=lambda: _NewRows())

    def run(self) -> Applied:
        """Apply all claims in the order in which they refer to each other."""
        # Without a sender, all messages of a format are one source.
        self.claimant = (self.message.sender or self.message.format).strip()[:200]
        self._known = _Known.of(self.message, self.claimant)
        for party in self.message.parties:
            self._guard(party.key, self.parties, None, partial(self._party, party))
        linked: list[tuple[str, str]] = []
        for claim in self.message.recordings:
            self._guard(
                claim.key, self.recordings, claim.line, partial(self._recording, claim)
            )
            linked += [(work, claim.key) for work in claim.works]
        for work in self.message.works:
            recordings = [*work.recordings]
            recordings += [key for named, key in linked if named == work.key]
            self._guard(
                work.key,
                self.works,
                work.line,
                partial(self._work, work, recordings),
            )
        releases: dict[str, Release] = {}
        for release in self.message.releases:
            self._guard(
                release.key, releases, release.line, partial(self._release, release)
            )
        self._rows.save()
        return Applied(
            created=self.created,
            changed=self.changed,
            unchanged=self.unchanged,
            faults=tuple(self.faults),
            records=tuple(
                self._applied(key, row)
                for rows in (self.parties, self.works, self.recordings, releases)
                for key, row in rows.items()
            ),
        )

    def _applied(self, key: str, row: Party | Record) -> AppliedRecord:
        event = self.events.get(case_of(row))
        where = self._where()
        return AppliedRecord(
            kind=_CASES[type(row)],
            key=key,
            uid=row.uid,
            name=str(row),
            is_new=event is not None and event.action.endswith(".imported"),
            changes={
                name: value
                for name, value in (event.after if event else {}).items()
                if name not in where
            },
        )

    def records(self) -> list[Record]:
        """Return the works, recordings and releases that the message changed."""
        return [
            row
            for case, row in self.touched.items()
            if case in self.events and not isinstance(row, Party)
        ]

    def _guard(
        self,
        key: str,
        found: dict[str, Row],
        line: int | None,
        apply: Callable[[], Row],
    ) -> None:
        """Apply one claim, or note why it stays out: claims are checked, then written."""
        try:
            found[key] = apply()
        except _ClaimRefused as refused:
            self._fault(
                refused.line or line, refused.field, refused.value, refused.rule
            )

    def _fault(
        self,
        line: int | None,
        field: str,
        value: str,
        rule: str,
        *,
        is_warning: bool = False,
    ) -> None:
        self.faults.append(
            ClaimFault(
                line=line, field=field, value=value, rule=rule, is_warning=is_warning
            )
        )

    # --- Parties ----------------------------------------------------------------------

    def _party(self, claim: PartyClaim) -> Party:
        if not claim.name.strip():
            raise _ClaimRefused("name", claim.key, _("The party has no name."))
        codes = {
            name: _checked(check, name, getattr(claim, name))
            for name, check in _PARTY_CHECKS.items()
        }
        codes["dpid"] = self._dpid(claim)
        whole = f"{claim.first_name} {claim.name}"
        own = {name: code for name, code in codes.items() if name != "society"}
        party = find_party(name=whole, codes=own)
        values = codes | {
            "name": _cut(Party, "name", claim.name),
            "first_name": _cut(Party, "first_name", claim.first_name),
        }
        if party is None:
            return self._create(Party(**values), values)
        # A person's two names belong together.
        del values["name"], values["first_name"]
        self._fill(party, values)
        return party

    def _dpid(self, claim: PartyClaim) -> str:
        try:
            return check_dpid(claim.dpid)
        except BadIdentifier as error:
            self._fault(None, "dpid", claim.dpid, str(error), is_warning=True)
            return bare_dpid(claim.dpid)[:40]

    # --- Recordings -------------------------------------------------------------------

    def _recording(self, claim: RecordingClaim) -> RightsRecording:
        isrc = check_isrc(claim.isrc)
        if isrc.status == CodeStatus.MALFORMED:
            raise _ClaimRefused(
                "isrc",
                claim.isrc,
                _("an ISRC looks like QZAA02600001, not '%(given)s'")
                % {"given": claim.isrc},
            )
        if not isrc.normalised and not claim.title.strip():
            raise _ClaimRefused(
                "title", claim.key, _("The recording has neither ISRC nor title.")
            )
        match_key = "" if isrc.normalised else match_key_of(claim, self.claimant)
        values: dict[str, object] = {
            "title": _cut(RightsRecording, "title", claim.title),
            "version_title": _cut(
                RightsRecording, "version_title", claim.version_title
            ),
            "artists": [artist.strip()[:500] for artist in claim.artists],
            "duration_ms": claim.duration_ms,
            "label": _cut(RightsRecording, "label", claim.label),
            "p_line": _cut(RightsRecording, "p_line", claim.p_line),
        }
        shares = self._checked_shares(claim.shares, {Right.MASTER})
        recording = self._known.recordings.get(isrc.normalised)
        if recording is None and match_key:
            recording = find_recording(isrc="", match_key=match_key)
        if recording is None:
            codes = {"isrc": isrc.normalised, "match_key": match_key}
            recording = self._create(RightsRecording(**values, **codes), values | codes)
            if isrc.normalised:
                self._known.recordings[isrc.normalised] = recording
        else:
            self._fill(recording, values)
        title = f"{claim.title.strip()} {claim.version_title.strip()}".strip()
        self._state(recording, StatedField.TITLE, title, claim.line)
        length = "" if claim.duration_ms is None else str(claim.duration_ms)
        self._state(recording, StatedField.DURATION, length, claim.line)
        self._shares(recording, shares)
        return recording

    # --- Works ------------------------------------------------------------------------

    def _work(self, claim: WorkClaim, recordings: Sequence[str]) -> Work:
        if not claim.title.strip():
            raise _ClaimRefused("title", claim.key, _("The work has no title."))
        iswc = _checked(check_iswc, "iswc", claim.iswc)
        number = claim.submitter_id.strip()[:100]
        writers = {
            self.parties[share.party].pk
            for share in claim.shares
            if share.role in WRITER_ROLES and share.party in self.parties
        }
        shares = self._checked_shares(
            claim.shares,
            {Right.PERFORMING, Right.MECHANICAL, Right.SYNCHRONISATION},
        )
        work = self._ours(number)
        if work is not None:
            number = ""
        elif self._known.may_have(number=number, iswc=iswc):
            work = find_work(
                claimant=self.claimant,
                number=number,
                iswc=iswc,
                title=claim.title,
                writers=writers,
            )
        values = {
            "title": _cut(Work, "title", claim.title),
            "iswc": iswc,
            "category": _cut(Work, "category", claim.category),
            "version": _cut(Work, "version", claim.version),
        }
        titles = list(claim.titles)
        if work is None:
            work = self._create(Work(**values), values)
        else:
            if folded(values["title"]) != work.title_key:
                titles.append(
                    TitleClaim(text=values["title"], kind=TitleKind.ALTERNATIVE)
                )
            self._fill(work, values)
        self._number(work, number)
        self._titles(work, titles, claim.line)
        self._state(work, StatedField.ISWC, iswc, claim.line, number)
        self._link(work, recordings, claim.line)
        self._shares(work, shares, number)
        return work

    def _ours(self, number: str) -> Work | None:
        """Return the work that a table names by our id, for want of another number."""
        if not number.startswith("wk_") or number in self._known.numbers:
            return None
        work = Work.objects.filter(uid=number).first()
        return work.stands_for_it if work else None

    def _number(self, work: Work, number: str) -> None:
        if not number or number in self._known.numbers:
            return
        self._known.numbers.add(number)
        _row, is_new = WorkNumber.objects.get_or_create(
            claimant=self.claimant, number=number, defaults={"work": work}
        )
        if is_new:
            self._note(work, "number", number)

    def _titles(
        self, work: Work, titles: Iterable[TitleClaim], line: int | None
    ) -> None:
        known = set()
        if case_of(work) not in self._new or work.pk in self._rows.titled:
            self._rows.save()
            known = {
                (title.kind, folded(title.text))
                for title in OtherTitle.objects.filter(work=work)
            }
        for claim in titles:
            text = claim.text.strip()[:500]
            kind = claim.kind
            if kind not in TitleKind.values:
                self._fault(
                    line,
                    "title",
                    claim.kind,
                    _("'%(given)s' is not a kind of title.") % {"given": claim.kind},
                    is_warning=True,
                )
                kind = TitleKind.ALTERNATIVE
            own = folded(text) == work.title_key and kind != TitleKind.ORIGINAL_SCRIPT
            if not text or own or (kind, folded(text)) in known:
                continue
            known.add((kind, folded(text)))
            self._rows.titled.add(work.pk)
            self._rows.titles.append(
                OtherTitle(
                    work=work,
                    text=text,
                    kind=kind,
                    language=claim.language.strip()[:8],
                    claimant=self.claimant,
                )
            )
            self._note(work, "title", text)

    def _link(self, work: Work, keys: Iterable[str], line: int | None) -> None:
        wanted = {}
        for key in keys:
            if key in self.recordings:
                wanted[self.recordings[key].pk] = self.recordings[key].uid
            else:
                self._unknown(line, "recording", key)
        known = self._rows.linked.get(work.pk)
        if known is None:
            is_new = case_of(work) in self._new
            rows = () if is_new else work.recordings.values_list("pk", flat=True)
            known = self._rows.linked[work.pk] = set(rows)
        missing = [pk for pk in wanted if pk not in known]
        if missing := self._wanted_back(work, missing):
            known.update(missing)
            self._rows.links += [
                Work.recordings.through(work_id=work.pk, rightsrecording_id=pk)
                for pk in missing
            ]
            self._note(work, "recordings", [wanted[pk] for pk in missing])

    def _wanted_back(self, record: Work | Release, missing: list[int]) -> list[int]:
        """Return the missing recordings but those that a person took out."""
        if not missing or case_of(record) in self._new:
            return missing
        taken = set(record.kept_off.values_list("pk", flat=True))
        return [pk for pk in missing if pk not in taken]

    def _unknown(self, line: int | None, field: str, key: str) -> None:
        """Note that a claim names something that is not here or was refused."""
        rule = _(
            "'%(key)s' is missing from the message or was left out because of a fault."
        )
        self._fault(line, field, key, rule % {"key": key}, is_warning=True)

    # --- Releases ---------------------------------------------------------------------

    def _release(self, claim: ReleaseClaim) -> Release:
        if not claim.title.strip():
            raise _ClaimRefused("title", claim.key, _("The release has no title."))
        upc = _checked(check_upc, "upc", claim.upc)
        values: dict[str, Any] = {  # Any: a column's value
            "title": _cut(Release, "title", claim.title),
            "artists": [artist.strip()[:500] for artist in claim.artists],
            "upc": upc,
            "grid": _checked(check_grid, "grid", claim.grid),
            "catalogue_number": _cut(
                Release, "catalogue_number", claim.catalogue_number
            ),
            "label": _cut(Release, "label", claim.label),
            "label_code": _checked(check_label_code, "label_code", claim.label_code),
            "p_line": _cut(Release, "p_line", claim.p_line),
            "c_line": _cut(Release, "c_line", claim.c_line),
            "released": claim.released,
        }
        release = find_release(
            grid=values["grid"],
            upc=upc,
            label=values["label"],
            catalogue_number=values["catalogue_number"],
        )
        if release is None:
            release = self._create(Release(**values), values)
        else:
            self._fill(release, values)
        self._state(release, StatedField.UPC, upc, claim.line)
        self._tracks(release, claim)
        return release

    def _tracks(self, release: Release, claim: ReleaseClaim) -> None:
        known = self._rows.tracked.get(release.pk)
        if known is None:
            known = dict(release.tracks.values_list("recording", "position"))
            self._rows.tracked[release.pk] = known
        missing: dict[int, RightsRecording] = {}
        for key in claim.tracks:
            recording = self.recordings.get(key)
            if recording is None:
                self._unknown(claim.line, "track", key)
            elif recording.pk not in known:
                missing[recording.pk] = recording
        last = max(known.values(), default=0)
        for pk in self._wanted_back(release, list(missing)):
            last += 1
            known[pk] = last
            self._rows.tracks.append(
                Track(release=release, recording=missing[pk], position=last)
            )
            self._note(release, "track", missing[pk].uid)

    # --- Shares -----------------------------------------------------------------------

    def _checked_shares(
        self, claims: Sequence[ShareClaim], rights: set[Right]
    ) -> dict[tuple[str, str], list[Share]]:
        """Return unsaved shares per right and kind; raise for the first bad one."""
        wanted: dict[tuple[str, str], list[Share]] = defaultdict(list)
        for claim in claims:
            try:
                share = self._share(claim, rights)
            except _ClaimRefused as refused:
                refused.line = claim.line
                raise
            wanted[share.right, share.kind].append(share)
        return wanted

    def _shares(
        self,
        record: Work | RightsRecording,
        wanted: Mapping[tuple[str, str], list[Share]],
        number: str = "",
    ) -> None:
        """Replace the shares that this source claimed, per right and kind.

        Of a work, those under its own number of the source: two of them may be merged,
        and some of its shares may stand in a work that a person split off.
        """
        if not wanted:
            return
        on = "work" if isinstance(record, Work) else "recording"
        for shares in wanted.values():
            for share in shares:
                setattr(share, on, record)
                share.number = number
        living: dict[tuple[str, str], list[Share]] = defaultdict(list)
        left_alone: set[tuple[object, ...]] = set()
        case = case_of(record)
        if case not in self._new or case in self._rows.shared:
            self._rows.save()
            earlier = Share.objects.filter(**{on: record}, claimant=self.claimant)
            for share in earlier:
                if share.withdrawn_at is None and share.number == number:
                    living[share.right, share.kind].append(share)
                elif share.withdrawn_at is None or share.withdrawn_by_id is not None:
                    # Claimed under another number too, or taken out by a person.
                    left_alone.add(share_values(share))
        for share in self._known.moved.get(number, ()):
            living[share.right, share.kind].append(share)
        self._rows.shared.add(case)
        for group, shares in wanted.items():
            self._replace(record, living[group], shares, left_alone)

    def _replace(
        self,
        record: Work | RightsRecording,
        living: Sequence[Share],
        wanted: Iterable[Share],
        left_alone: set[tuple[object, ...]],
    ) -> None:
        left = {share_values(share): share for share in living}
        homes = _homes(record, living)
        made: dict[tuple[object, ...], Share] = {}
        for share in wanted:
            values = share_values(share)
            if values in left:
                del left[values]
                made[values] = share
            elif values not in left_alone and values not in made:
                home = homes.get((share.party_id, share.role))
                if home is not None:
                    share.work = home
                self._rows.shares.append(share)
                made[values] = share
                self._note_at(home or record, "share", share)
        if left:
            gone = Share.objects.filter(pk__in=[share.pk for share in left.values()])
            gone.update(withdrawn_at=datetime.now(tz=UTC))
            for share in left.values():
                home = homes.get((share.party_id, share.role))
                self._note_at(home or record, "share_withdrawn", share)

    def _note_at(self, record: Work | RightsRecording, name: str, share: Share) -> None:
        """Note a share of a record, which may be a work that was split off."""
        if case_of(record) not in self.touched:
            self.touched[case_of(record)] = record
            self.unchanged += 1
        self._note(record, name, str(share))

    def _share(self, claim: ShareClaim, rights: set[Right]) -> Share:
        party = self.parties.get(claim.party)
        if party is None:
            raise _ClaimRefused(
                "party",
                claim.party,
                _(
                    "'%(key)s' is missing from the message or was left out because "
                    "of a fault."
                )
                % {"key": claim.party},
            )
        collector = None
        if claim.controlled_by:
            collector = self.parties.get(claim.controlled_by)
            if collector is None:
                self._unknown(claim.line, "controlled_by", claim.controlled_by)
        if claim.right not in rights:
            raise _ClaimRefused(
                "right",
                claim.right,
                _("Works have the rights PR, MR and SR; recordings have NR."),
            )
        if claim.kind not in ShareKind.values:
            raise _ClaimRefused(
                "kind", claim.kind, _("A share must be OWN (owned) or COL (collected).")
            )
        return Share(
            party=party,
            role=claim.role.strip()[:40],
            right=claim.right,
            kind=claim.kind,
            percent=checked_percent(claim.percent),
            included=checked_territories(claim.included) or [tis.WORLD],
            excluded=checked_territories(claim.excluded),
            valid_from=claim.valid_from,
            valid_until=_checked_end(claim.valid_from, claim.valid_until),
            controlled_by=collector,
            agreement=claim.agreement.strip()[:60],
            claimant=self.claimant,
            source=self.source[:200],
            line=claim.line,
        )

    # --- Records ----------------------------------------------------------------------

    def _create(self, row: Row, values: Mapping[str, object]) -> Row:
        row.save()
        self._new.add(case_of(row))
        self.created += 1
        self.touched[case_of(row)] = row
        self.events[case_of(row)] = EventDraft(
            case=case_of(row),
            action="rights.imported",
            after={
                **{name: _plain(value) for name, value in values.items() if value},
                **self._where(),
            },
        )
        return row

    def _fill(self, row: Row, values: Mapping[str, object]) -> None:
        """Fill empty fields of a known record; count it as unchanged at first."""
        if case_of(row) not in self.touched:
            self.unchanged += 1
        self.touched[case_of(row)] = row
        filled = {
            name: value
            for name, value in values.items()
            if value not in (None, "", []) and getattr(row, name) in (None, "", [])
        }
        if not filled:
            return
        for name, value in filled.items():
            setattr(row, name, value)
            self._note(row, name, _plain(value))
        row.save()

    def _state(
        self,
        record: Record,
        field: StatedField,
        value: str,
        line: int | None,
        number: str = "",
    ) -> None:
        """Keep what this source says of a field."""
        if not value:
            return
        where: dict[str, Any] = {  # Any: a column's value
            column_of(record): record,
            "field": field,
            "claimant": self.claimant,
            "number": number,
        }
        key = (case_of(record), field, number)
        row = self._rows.statements.get(key)
        if row is None and (key[0] not in self._new or key in self._rows.stated):
            row = Statement.objects.filter(**where).first()
        if row is not None and row.value == value[:1100]:
            return
        if row is not None:
            self._note(record, field.lower(), value)
        row = row or Statement(**where)
        row.value, row.source, row.line = value[:1100], self.source[:200], line
        self._rows.statements[key] = row
        self._rows.stated.add(key)

    def _note(self, row: Party | Record, name: str, value: object) -> None:
        """Note a change of a record for its event, and count it once."""
        case = case_of(row)
        event = self.events.get(case)
        if event is None:
            event = EventDraft(
                case=case,
                action="rights.import_changed",
                after={**self._where()},
            )
            self.events[case] = event
            self.changed += 1
            self.unchanged -= 1
        noted = event.after.setdefault(name, [])
        if isinstance(noted, list):
            noted.append(value)

    def _where(self) -> dict[str, str]:
        """Return what an event says of the message."""
        return {
            "claimant": self.claimant,
            "source": self.source,
            "message": self.message.message_id,
        }


def _checked(check: Callable[[str], str], name: str, given: str) -> str:
    try:
        return check(given)
    except BadIdentifier as error:
        raise _ClaimRefused(name, given, str(error)) from error


def _homes(
    record: Work | RightsRecording, living: Iterable[Share]
) -> dict[tuple[int, str], Work]:
    """Return the other works in which a person put all shares of a party and role."""
    here, away = set(), {}
    for share in living:
        key = (share.party_id, share.role)
        # By its id: reading the work of every share takes most of an import's time.
        if share.work_id in (None, record.pk):
            here.add(key)
        elif share.work is not None:
            away[key] = share.work
    return {key: work for key, work in away.items() if key not in here}


def checked_percent(percent: Decimal | None) -> Decimal | None:
    """Return a share in percent as it is stored; raise if there is no such share."""
    if percent is None:
        return None
    if not percent.is_finite() or not 0 <= percent <= 100:
        raise _ClaimRefused(
            "percent", percent, _("A share must be from 0 to 100 percent.")
        )
    return percent.quantize(Decimal("0.0001"))


def checked_territories(codes: Iterable[str]) -> list[str]:
    """Return territories as they are stored, each once."""
    try:
        return sorted({tis.normalised(code) for code in codes})
    except tis.UnknownTerritory as error:
        raise _ClaimRefused("territory", ", ".join(codes), str(error)) from error


def _checked_end(begin: object, end: Any) -> Any:  # Any: a date or None
    if begin is not None and end is not None and end < begin:
        raise _ClaimRefused("valid_until", end, _("The share ends before it begins."))
    return end


def share_values(share: Share) -> tuple[object, ...]:
    """Return what makes two shares the same claim."""
    return tuple(
        tuple(value) if isinstance(value, list) else value
        for value in (getattr(share, name) for name in SHARE_VALUES)
    )


def _cut(model: type[models.Model], name: str, text: str) -> str:
    """Return a text as long as its column holds."""
    column: Any = model._meta.get_field(name)  # Any: a text column of ours
    return text.strip()[: column.max_length]


def _plain(value: object) -> object:
    """Return a value as JSON holds it."""
    return value if isinstance(value, (str, int, list, type(None))) else str(value)
