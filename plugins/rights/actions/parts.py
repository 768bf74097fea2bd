"""Adds to works, releases and recordings, and takes out: shares, titles, recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.common.databases import violates
from catalogue.models import Recording
from catalogue.owners.choices import Right, ShareKind, TitleKind
from catalogue.owners.models import OtherTitle, Party, Release, RightsRecording, Share, Track, Work
from catalogue.owners.records import column_of, rights_records
from plugins.rights.actions.base import RightsVerb, follow_record, locked, record_event
from plugins.rights.errors import RightsChanged, RightsRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDetails:
    """A share as a person enters it; territories are codes of ``tis``, checked."""

    party: Party
    role: str
    right: Right
    kind: ShareKind
    percent: Decimal | None
    included: Sequence[str] = ()
    excluded: Sequence[str] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    controlled_by: Party | None = None
    agreement: str = ""


@transaction.atomic
def add_share(*, record: Work | RightsRecording, user: User, details: ShareDetails) -> Share:
    """Add a share by hand; it replaces what others claim for the same party."""
    row = locked(record, user)
    if (details.right == Right.MASTER) != isinstance(row, RightsRecording):
        raise RightsRefused(_("Recordings have only the master right; works have the others."))
    share = Share(
        party=details.party,
        role=details.role,
        right=details.right,
        kind=details.kind,
        percent=details.percent,
        included=list(details.included),
        excluded=list(details.excluded),
        valid_from=details.valid_from,
        valid_until=details.valid_until,
        controlled_by=details.controlled_by,
        agreement=details.agreement,
        created_by=user,
    )
    setattr(share, column_of(row), row)
    try:
        with transaction.atomic():
            share.save()
    except IntegrityError as error:
        if violates(error, Share, "share_in_percent"):
            raise RightsRefused(_("A share must be from 0 to 100 percent.")) from error
        if violates(error, Share, "share_ends_after_it_begins"):
            raise RightsRefused(_("A share must end after it begins.")) from error
        raise
    record_event(row, RightsVerb.ADD_SHARE, user, share=share.uid, text=str(share))
    follow_record(row, user)
    return share


@transaction.atomic
def remove_share(*, share: Share, user: User) -> None:
    """Take a share out; an import that repeats it does not bring it back."""
    subject = share.work or share.recording
    if subject is None:
        raise RightsRefused(_("This share no longer exists."))
    row = locked(subject, user)
    taken = Share.objects.filter(pk=share.pk, withdrawn_at__isnull=True)
    if not taken.update(withdrawn_at=datetime.now(tz=UTC), withdrawn_by=user):
        raise RightsChanged(_("This share was already removed."))
    record_event(row, RightsVerb.REMOVE_SHARE, user, share=share.uid, text=str(share))
    follow_record(row, user)


@transaction.atomic
def add_title(
    *, work: Work, user: User, text: str, kind: TitleKind, language: str = ""
) -> OtherTitle:
    """Add a further title to a work."""
    row = locked(work, user)
    title = OtherTitle.objects.create(work=row, text=text.strip(), kind=kind, language=language)
    record_event(row, RightsVerb.ADD_TITLE, user, title=title.pk, text=title.text)
    return title


@transaction.atomic
def link_recording(*, record: Work | Release, recording: Recording, user: User) -> RightsRecording:
    """Say that a catalogue recording embodies a work, or stands on a release."""
    row = locked(record, user)
    sound = record_of(recording)
    if row.recordings.filter(pk=sound.pk).exists():
        raise RightsRefused(_("This recording is already there."))
    attach(row, sound)
    record_event(row, RightsVerb.LINK, user, recording=sound.uid, text=str(recording))
    follow_record(row, user)
    return sound


@transaction.atomic
def unlink_recording(*, record: Work | Release, sound: RightsRecording, user: User) -> None:
    """Say that a recording does not embody a work, or is not on a release.

    An import that says otherwise does not bring it back.
    """
    row = locked(record, user)
    if not row.recordings.filter(pk=sound.pk).exists():
        raise RightsChanged(_("This recording was already removed."))
    row.recordings.remove(sound)
    row.kept_off.add(sound)
    record_event(row, RightsVerb.UNLINK, user, recording=sound.uid, text=str(sound))
    follow_record(row, user, sound)


def record_of(recording: Recording) -> RightsRecording:
    """Return the record of rights of a catalogue recording; made if there is none."""
    record = rights_records(recording).order_by("pk").first()
    if record is not None:
        return record
    if recording.isrc_normalised:
        return RightsRecording.objects.create(
            isrc=recording.isrc_normalised,
            title=recording.title,
            version_title=recording.version_title,
            artists=recording.artists,
        )
    return RightsRecording.objects.create(
        recording=recording, title=recording.title, artists=recording.artists
    )


def attach(row: Work | Release, sound: RightsRecording) -> None:
    """Add a recording to a work, or as the last track of a release."""
    if isinstance(row, Work):
        row.recordings.add(sound)
    else:
        last = row.tracks.order_by("-position").first()
        position = 1 + (last.position if last is not None else 0)
        Track.objects.get_or_create(release=row, recording=sound, defaults={"position": position})
