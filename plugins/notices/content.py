"""The facts of a notice: read while it is a draft, frozen when it is signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from base.accounts.deciders import Decider
from base.common.reading import rounded_length
from plugins.notices.checks import items_of, owners_of, printed_times
from plugins.notices.models import ClaimedRight, NoticeItem, TakedownNotice
from reports.evidence.models import EvidencePack
from reports.evidence.selectors import current_packs
from review.selectors import with_segments
from statements.kinds import Fact
from statements.services import digest_of

# Any in this module: JSON.
Json = dict[str, Any]


def content_of(notice: TakedownNotice) -> Json:
    """Return the facts of a notice: those signed, or for a draft those of now."""
    if notice.content:
        frozen: Json = notice.content
        return frozen
    items = items_of(notice)
    # Exclusions may have changed since the notice was prepared.
    with_segments(item.match for item in items)
    packs = current_packs(item.match_id for item in items)
    return {
        "schema": "takedown-notice/1",
        "number": notice.reference,
        "law": notice.law,
        "right": notice.right,
        "platform": notice.platform,
        "recipient": notice.recipient,
        "recipient_contact": notice.recipient_contact,
        "owner": notice.owner,
        "items": [
            _item(item, ClaimedRight(notice.right), packs.get(item.match_id)) for item in items
        ],
        "reasons": notice.reasons,
        "fair_use": notice.fair_use,
        "contact": {
            "name": notice.contact_name,
            "address": notice.contact_address,
            "phone": notice.contact_phone,
            "email": notice.contact_email,
        },
        "typed": {
            name: words
            for name, words in (("good_faith", notice.good_faith), ("accuracy", notice.accuracy))
            if words
        },
        "signature": notice.signature,
        "signed_by": None
        if notice.signed_by is None
        else {
            "name": notice.signed_by.get_full_name(),
            "username": notice.signed_by.get_username(),
        },
        "signed_at": ""
        if notice.signed_at is None
        else notice.signed_at.isoformat(timespec="seconds"),
    }


@dataclass(frozen=True, slots=True)
class StatedPlace:
    """Where a notice says that a recording is heard; ``intervals`` are ms of the file."""

    url: str
    intervals: Sequence[Sequence[int]]


def places_of(notices: Iterable[TakedownNotice]) -> dict[int, StatedPlace]:
    """Return what notices state of each item, by its key: as signed, or else as it is now."""
    frozen = {notice.pk: notice.content.get("items", ()) for notice in notices if notice.content}
    signed = {(key, row["match"]): row for key, rows in frozen.items() for row in rows}
    items = items_of(*notices)
    with_segments(item.match for item in items if item.notice_id not in frozen)
    places = {}
    for item in items:
        row = signed.get((item.notice_id, item.match_uid))
        places[item.pk] = (
            StatedPlace(row["url"], row["intervals"])
            if row
            else StatedPlace(item.match.scanned_file.source_url, item.match.tally.counted)
        )
    return places


def digest_of_document(notice: TakedownNotice) -> str:
    """Return the digest of what the document of a notice says now."""
    return digest_of([content_of(notice)])


def facts_of(notice: TakedownNotice) -> list[Fact]:
    """Return what a signed notice states of each match."""
    facts = []
    for item, stated in zip(items_of(notice), notice.content["items"], strict=True):
        intervals = stated["intervals"]
        facts.append(
            Fact(
                match=item.match_uid,
                recording=item.match.recording.uid,
                file=str(item.match.scanned_file.uid),
                start_ms=intervals[0][0],
                end_ms=intervals[-1][1],
                state=item.match.state,
                cells={name: stated[name] for name in ("intervals", "owners")},
            )
        )
    return facts


def _item(item: NoticeItem, right: ClaimedRight, pack: EvidencePack | None) -> Json:
    match, recording, file = item.match, item.match.recording, item.match.scanned_file
    return {
        "match": item.match_uid,
        "title": recording.full_title,
        "artists": recording.artist_names,
        "writers": ", ".join(recording.writers) if right == ClaimedRight.WORK else "",
        "isrc": recording.isrc_normalised or recording.isrc,
        "iswc": recording.iswc if right == ClaimedRight.WORK else "",
        "label": recording.label,
        "url": file.source_url,
        "account": file.account,
        "intervals": [list(interval) for interval in match.tally.counted],
        "times": printed_times(match.tally.counted),
        "matched_s": rounded_length(match.tally.counted) // 1000,
        "decided_on": "" if match.decided_at is None else f"{match.decided_at:%Y-%m-%d}",
        "decided_by": match.decider or Decider.SYSTEM,
        "owners": owners_of(match, right),
        "pack": None
        if pack is None
        else {"file": pack.file_name, "sha256": pack.sha256, "size_bytes": pack.size_bytes},
    }
