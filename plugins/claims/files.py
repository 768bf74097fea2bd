"""The way back: files and work lists that people take to the platform.

The portal uploads nothing, and only the next report confirms a row: its
difference is gone then. Rows are sorted, so the same facts give the same bytes. Lists for
people are guarded against formulas; YouTube's files are not, because YouTube would store
the guard's apostrophe.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
import statements.services
from base.accounts.models import User
from base.accounts.reach import refuse_limited
from base.accounts.roles import Action
from base.common.batches import batched
from base.common.csv_safety import GuardedWriter
from base.common.storage import keep_bytes, kept_only_if_done
from base.common.territories import TERRITORIES
from plugins.claims.choices import DiscrepancyKind, DiscrepancyState, FileKind, FileState, Platform
from plugins.claims.errors import ClaimsRefused
from plugins.claims.finding.grounds import our_countries
from plugins.claims.joining import platform_of
from plugins.claims.models import ClaimFile, ClaimFileRow, Discrepancy
from plugins.claims.services import require
from plugins.claims.statement import CLAIM_FILE, fact_of
from review.choices import LicenceScope
from review.models import Licence
from scanning.sources.link_keys import youtube_video
from statements.choices import StatementState
from statements.models import Statement

MOST_ROWS: Final = 2_000
"""YouTube's limit for a file (support.google.com 7106966)."""
MOST_ENTRIES: Final = 20_000
"""Own limit for the entries that one request may name."""
_CHANNEL: Final = 24
_STATED: Final = {
    FileState.DRAFT: StatementState.DRAFT,
    FileState.SENT: StatementState.SENT,
    FileState.WITHDRAWN: StatementState.WITHDRAWN,
}
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What a kind of file is made of: lists, columns, and one row for each entry.

    ``row`` returns None for an entry of which the file can say nothing.
    """

    lists: tuple[DiscrepancyKind, ...]
    columns: tuple[str, ...]
    row: Callable[[Discrepancy], Row | None]
    ending: str = "csv"
    is_youtubes: bool = True
    """Whether YouTube reads it; our own lists are for people and every platform."""


def _release(entry: Discrepancy) -> Row | None:
    claim = entry.claim
    if claim is None:
        return None
    licence = Licence.objects.filter(uid=entry.evidence.get("licence", "")).first()
    return {
        "claim_id": claim.claim_id,
        "video_id": claim.address or claim.video_id,
        "asset_id": claim.asset.asset_id,
        "reason": str(entry.evidence.get("reason") or entry.kind),
        "licence": licence.number if licence else "",
        "match_url": _match_url(entry),
    }


def _manual_claim(entry: Discrepancy) -> Row | None:
    match = entry.match
    if match is None:
        return None
    assets = match.recording.platform_assets.filter(gone_on=None).order_by("pk")
    url = match.scanned_file.source_url
    platform = platform_of(url) or Platform.YOUTUBE
    asset = assets.filter(account__platform=platform).first()
    return {
        "video_id": youtube_video(url) or url,
        "asset_id": asset.asset_id if asset else "",
        "type": "AUDIO",
        "start": _clock(match.first_start_ms),
        "end": _clock(match.last_end_ms),
        "recording": _plain(str(match.recording)),
        "match_url": _match_url(entry),
    }


def _sound_recording(entry: Discrepancy) -> Row | None:
    recording = entry.recording
    if recording is None:
        return None
    return {
        "filename": recording.audio_name,
        "isrc": recording.isrc_normalised,
        "song_title": _plain(f"{recording.title} {recording.version_title}".strip()),
        "artist": "|".join(_plain(name) for name in recording.artists),
        "album": _plain(recording.album),
        "upc": recording.upc,
        "label": _plain(recording.label),
        "original_release_date": recording.release_date,
        "ownership": ownership_of(our_countries(recording)),
        "custom_id": recording.custom_id,
    }


def _asset_update(entry: Discrepancy) -> Row | None:
    # The shares of a work are others than those of its recordings.
    if entry.asset is None or entry.recording is None or entry.asset.is_composition:
        return None
    ours = our_countries(entry.recording)
    if ours is None:
        return None
    return {
        "asset_id": entry.asset.asset_id,
        "asset_type": entry.asset.asset_type,
        "ownership": ownership_of(ours),
    }


def _reference(entry: Discrepancy) -> Row | None:
    if entry.claim is None or not entry.claim.reference_id:
        return None
    return {"reference_id": entry.claim.reference_id, "reference_state": "deactivate"}


def _channel(entry: Discrepancy) -> Row | None:
    """Return the channel of a claim that a licence for all recordings covers."""
    uid = entry.evidence.get("licence", "")
    covers_all = Licence.objects.filter(uid=uid, scope=LicenceScope.ALL).exists()
    channel = entry.claim.channel_id if entry.claim else ""
    is_id = channel.startswith("UC") and len(channel) == _CHANNEL
    return {"channel_id": channel} if covers_all and is_id else None


FORMATS: Final[dict[FileKind, FileFormat]] = {
    FileKind.MANUAL_CLAIMS: FileFormat(
        (DiscrepancyKind.NOT_CLAIMED,),
        ("video_id", "asset_id", "type", "start", "end", "recording", "match_url"),
        _manual_claim,
        is_youtubes=False,
    ),
    FileKind.SOUND_RECORDINGS: FileFormat(
        (DiscrepancyKind.NO_REFERENCE, DiscrepancyKind.NOT_CLAIMED),
        (
            *("filename", "isrc", "add_asset_labels", "song_title", "artist", "album"),
            *("upc", "genre", "label", "original_release_date", "ownership"),
            *("match_policy", "custom_id"),
        ),
        _sound_recording,
    ),
    FileKind.RELEASES: FileFormat(
        (DiscrepancyKind.NOT_HEARD, DiscrepancyKind.AGAINST_LICENCE),
        ("claim_id", "video_id", "asset_id", "reason", "licence", "match_url"),
        _release,
        is_youtubes=False,
    ),
    FileKind.REFERENCES: FileFormat(
        (DiscrepancyKind.NOT_HEARD,),
        ("reference_id", "reference_state", "release_claims"),
        _reference,
    ),
    FileKind.ALLOW_LIST: FileFormat(
        (DiscrepancyKind.AGAINST_LICENCE,), ("channel_id",), _channel, ending="txt"
    ),
    FileKind.ASSETS: FileFormat(
        (DiscrepancyKind.BY_OTHERS, DiscrepancyKind.AGAINST_LICENCE),
        (
            *("asset_id", "custom_id", "asset_type", "title", "add_asset_labels"),
            *("ownership", "enable_content_id", "reference_filename"),
            *("reference_exclusions", "match_policy", "update_all_claims"),
        ),
        _asset_update,
    ),
}


def kinds_for(kind: DiscrepancyKind) -> list[FileKind]:
    """Return the files that can be made from a list."""
    return [name for name, format_ in FORMATS.items() if kind in format_.lists]


def ownership_of(countries: frozenset[str] | None) -> str:
    """Return where we own something as the platform writes it; empty if unknown.

    Seen: ``WW``, ``0%WW`` for nothing, and codes of countries between bars.
    """
    if countries is None:
        return ""
    if countries >= TERRITORIES:
        return "WW"
    return "|".join(sorted(countries)) or "0%WW"


def _plain(text: str) -> str:
    """Return a text without what the platform refuses in titles, on one line."""
    return " ".join(text.replace("<", "").replace(">", "").split())


def _clock(ms: int) -> str:
    seconds = ms // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _match_url(entry: Discrepancy) -> str:
    if entry.match is None:
        return ""
    return f"{settings.ACRPORTAL_BASE_URL}{entry.match.review_url}"


def write_rows(kind: FileKind, rows: Sequence[Row]) -> bytes:
    """Return a file's bytes: UTF-8, commas, quotes doubled; the allow list is one line."""
    columns = FORMATS[kind].columns
    if kind == FileKind.ALLOW_LIST:
        return ",".join(row["channel_id"] for row in rows).encode()
    text = io.StringIO()
    lines = [columns, *([row.get(name, "") for name in columns] for row in rows)]
    if FORMATS[kind].is_youtubes:
        csv.writer(text, lineterminator="\r\n").writerows(lines)
    else:
        guarded = GuardedWriter(text)
        for line in lines:
            guarded.write(line)
    return text.getvalue().encode()


def name_of(file: ClaimFile) -> str:
    """Return the name under which people download a file."""
    return f"{file.kind}-{file.uid}.{FORMATS[FileKind(file.kind)].ending}"


def content_type_of(file: ClaimFile) -> str:
    ending = FORMATS[FileKind(file.kind)].ending
    return "text/csv; charset=utf-8" if ending == "csv" else "text/plain"


def make_files(
    *, revisions: Mapping[str, int], kind: FileKind, user: User
) -> tuple[list[ClaimFile], int]:
    """Make files of open entries as a person saw them; return them, and how many not.

    An entry in a file that was not withdrawn is left out, as is one that has changed.
    """
    require(user, Action.DECIDE)
    rows = sorted(
        (
            (row, entry)
            for entry in _free_entries(revisions, kind)
            if _is_read_there(entry, kind) and (row := FORMATS[kind].row(entry))
        ),
        key=lambda pair: list(pair[0].values()),
    )
    if not rows:
        raise ClaimsRefused(
            _(
                "Nothing fits into this file: the entries are in another file, have "
                "changed, or lack what the file needs."
            ),
            "nothing_fits",
        )
    with kept_only_if_done() as names:
        files = [_write(kind, some, user, names) for some in batched(rows, MOST_ROWS)]
        with transaction.atomic():
            _save(files, {entry.uid: entry.revision for _row, entry in rows}, user)
    return [file for file, _rows in files], len(revisions) - len(rows)


def _free_entries(
    revisions: Mapping[str, int], kind: FileKind, *, lock: bool = False
) -> list[Discrepancy]:
    rows = Discrepancy.objects.filter(
        uid__in=list(revisions), state=DiscrepancyState.OPEN, kind__in=FORMATS[kind].lists
    )
    if lock:
        rows = rows.select_for_update(of=("self",))
    related = rows.select_related(
        *("account", "claim__asset", "asset", "recording", "match__recording"),
        *("match__scanned_file", "scanned_file"),
    )
    # Read before the files: whoever waited for the lock must see the file made meanwhile.
    entries = list(related.order_by("pk"))
    taken = set(
        ClaimFileRow.objects.living()
        .filter(discrepancy__uid__in=list(revisions))
        .values_list("discrepancy__uid", flat=True)
    )
    return [
        entry
        for entry in entries
        if entry.uid not in taken and entry.revision == revisions[entry.uid]
    ]


def _is_read_there(entry: Discrepancy, kind: FileKind) -> bool:
    """Return whether an entry's platform reads such files."""
    is_youtubes = entry.account is None or entry.account.platform == Platform.YOUTUBE
    return is_youtubes or not FORMATS[kind].is_youtubes


Pair = tuple[Row, Discrepancy]
Made = tuple[ClaimFile, list[ClaimFileRow]]


def _write(kind: FileKind, rows: Sequence[Pair], user: User, names: list[str]) -> Made:
    """Store a file; return it with its rows, all of them unsaved."""
    # Several entries can say the same, such as one channel.
    different: list[Row] = []
    numbers = []
    for row, _entry in rows:
        if not different or different[-1] != row:
            different.append(row)
        numbers.append(len(different))
    data = write_rows(kind, different)
    file = ClaimFile(
        kind=kind, row_count=len(different), sha256=hashlib.sha256(data).hexdigest(), made_by=user
    )
    name = keep_bytes(f"claim-files/{file.uid}.{FORMATS[kind].ending}", data)
    names.append(name)
    file.file = name
    return file, [
        ClaimFileRow(discrepancy=entry, number=number)
        for number, (_row, entry) in zip(numbers, rows, strict=True)
    ]


def _save(files: Sequence[Made], revisions: Mapping[str, int], user: User) -> None:
    """Save files whose entries are all still free and unchanged."""
    kind = FileKind(files[0][0].kind)
    if len(_free_entries(revisions, kind, lock=True)) != len(revisions):
        raise ClaimsRefused(
            _("Some entries have changed meanwhile. Look at the list again."), "stale"
        )
    for file, rows in files:
        file.save()
        for row in rows:
            row.file = file
        ClaimFileRow.objects.bulk_create(rows)
        statements.services.issue(
            kind=CLAIM_FILE,
            subject=file.uid,
            name=name_of(file),
            facts=(fact_of(row.discrepancy) for row in rows),
            user=user,
        )
        base.audit.services.record(
            case=file.case,
            action="claims.file_made",
            actor=user,
            after={"kind": file.kind, "rows": file.row_count, "sha256": file.sha256},
        )


def hand_out(*, file: ClaimFile, user: User) -> IO[bytes]:
    """Open a file for a person who takes it to the platform, and record the download."""
    content = file.file.open("rb")
    statements.services.record_download(
        case=file.case,
        kind=CLAIM_FILE,
        actor=user,
        form=FORMATS[FileKind(file.kind)].ending,
        version=Statement.objects.get(kind=CLAIM_FILE, subject=file.uid).version,
        sha256=file.sha256,
    )
    return content


@transaction.atomic
def mark_sent(*, file: ClaimFile, user: User) -> bool:
    """Note that a person took the file to the platform; return if it was a draft."""
    return _become(file, FileState.DRAFT, FileState.SENT, "claims.file_sent", user, now=True)


@transaction.atomic
def unmark_sent(*, file: ClaimFile, user: User) -> bool:
    """Undo the mark as sent; return if there was one."""
    return _become(file, FileState.SENT, FileState.DRAFT, "claims.undone", user)


@transaction.atomic
def withdraw(*, file: ClaimFile, user: User) -> bool:
    """Withdraw a draft, which frees its entries for other files."""
    is_withdrawn = _become(
        file, FileState.DRAFT, FileState.WITHDRAWN, "claims.file_withdrawn", user
    )
    if is_withdrawn:
        file.rows.update(holds_entry=False)
    return is_withdrawn


def _become(
    file: ClaimFile,
    before: FileState,
    after: FileState,
    action: str,
    user: User,
    *,
    now: bool = False,
) -> bool:
    require(user, Action.EDIT_CATALOGUE)
    refuse_limited(user)
    rows = ClaimFile.objects.filter(pk=file.pk, state=before)
    changed = rows.update(state=after, sent_at=datetime.now(tz=UTC) if now else None)
    if changed:
        statements.services.advance(
            statement=Statement.objects.get(kind=CLAIM_FILE, subject=file.uid),
            state=_STATED[after],
            user=user,
        )
        base.audit.services.record(
            case=file.case,
            action=action,
            actor=user,
            before={"state": before.value},
            after={"state": after.value},
        )
    return bool(changed)


STEPS: Final[dict[str, Callable[..., bool]]] = {
    "sent": mark_sent,
    "unsent": unmark_sent,
    "withdraw": withdraw,
}
"""What people do with a file, by the verb of pages and of the API."""
