"""What people say about files as programmes; each change is one event of a case.

A form passes the ``seen`` state of ``values.state_of`` that its reader saw. If somebody
else changed the values since, the change is refused, so that nobody's words are lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.audit.services import EventDraft, record_all
from base.common.territories import TERRITORIES, why_no_territory
from catalogue.identifiers import BadIdentifier, check_isan
from catalogue.models import Recording
from review.decisions.decide import Decided, Refusal, decision_limit
from review.errors import BulkLimit, NotPossible
from review.models import Match
from review.programmes.errors import ProgrammeRefused
from review.programmes.models import Episode, MusicUse
from review.programmes.selectors import use_of
from review.programmes.values import EpisodeValues, UseValues, as_json
from review.programmes.writing import (
    locked_file,
    record,
    refuse_overtaken,
    require_action,
    store,
    values_of,
)
from review.selectors import of_ids
from review.services.following import Move
from review.services.transitions import require
from scanning.models import ScannedFile

_USE_CHANGED = "file.use_changed"


@transaction.atomic
def set_episode(
    *, scanned_file: ScannedFile, values: EpisodeValues, user: User | None, seen: str | None = None
) -> bool:
    """Set a file's episode; return whether it changed.

    Raises ``ProgrammeRefused`` for values that are too long, for an ISAN that cannot be
    right, and if the file was deleted or its episode changed since it was ``seen``.
    """
    require_action(user, Action.UPLOAD)
    current = locked_file(scanned_file)
    row = Episode.objects.filter(scanned_file=current).first()
    after = replace(
        values, **{field.name: getattr(values, field.name).strip() for field in fields(values)}
    )
    before = episode_values(row)
    if after.isan != before.isan:
        after = replace(after, isan=_checked_isan(after.isan))
    refuse_overtaken(before, seen)
    if after == before:
        return False
    store(row or Episode(scanned_file=current), after)
    record(f"file:{current.uid}", "file.episode_changed", user, as_json(before), as_json(after))
    return True


def _checked_isan(isan: str) -> str:
    try:
        return check_isan(isan)
    except BadIdentifier as fault:
        raise ProgrammeRefused(
            "invalid",
            _("%(cell)s: %(fault)s. Correct it or remove it.") % {"cell": "ISAN", "fault": fault},
            field="isan",
        ) from fault


def episode_values(row: Episode | None) -> EpisodeValues:
    """Return a file's episode, if anybody entered it."""
    return values_of(row, EpisodeValues) if row else EpisodeValues()


@transaction.atomic
def set_use(
    *,
    scanned_file: ScannedFile,
    recording: Recording,
    values: UseValues,
    user: User | None,
    seen: str | None = None,
) -> bool:
    """Say how a file uses a recording; return whether that changed.

    Raises ``ProgrammeRefused`` if the file has no match with the recording, for codes
    that name no country, and if the use changed since it was ``seen``.
    """
    require_action(user, Action.DECIDE)
    current = locked_file(scanned_file)
    rows = MusicUse.objects.filter(scanned_file=current, recording=recording)
    row = rows.first()
    matches = Match.objects.filter(scanned_file=current, recording=recording)
    if row is None and not matches.exists():
        raise ProgrammeRefused(
            "no_match",
            _("%(name)s has no match with this recording.") % {"name": current.name},
            field="recording",
        )
    before, after = use_values(row), _checked_use(values)
    refuse_overtaken(before, seen)
    if after == before:
        return False
    store(row or MusicUse(scanned_file=current, recording=recording), after)
    named = {"recording": recording.uid}
    record(
        f"file:{current.uid}", _USE_CHANGED, user, named | as_json(before), named | as_json(after)
    )
    return True


class UsesOfMusic:
    """Lets uses of music follow their match to another recording."""

    def follow(self, moves: Sequence[Move]) -> dict[int, list[int]]:
        """Move uses to the new recordings, unless those have uses of their own."""
        files = [move.scanned_file for move in moves]
        rows = MusicUse._base_manager.filter(scanned_file__in=files)
        uses = {(use.scanned_file_id, use.recording_id): use for use in rows}
        followed = []
        for move in moves:
            use = uses.get((move.scanned_file, move.before))
            if use is not None and (move.scanned_file, move.now) not in uses:
                use.recording_id = move.now
                followed.append(use)
        MusicUse._base_manager.bulk_update(followed, ["recording"], batch_size=500)
        by_file = {use.scanned_file_id: [use.pk] for use in followed}
        _record_moves(followed, [move for move in moves if move.scanned_file in by_file])
        return by_file

    def return_to(self, move: Move, keys: Sequence[int]) -> None:
        """Move those of these uses back that still belong to the new recording."""
        uses = list(MusicUse._base_manager.filter(pk__in=keys, recording=move.now))
        MusicUse._base_manager.filter(pk__in=[use.pk for use in uses]).update(recording=move.before)
        _record_moves(uses, [Move(move.scanned_file, move.now, move.before)])


def _record_moves(uses: Sequence[MusicUse], moves: Sequence[Move]) -> None:
    """Record in the trail of each file that its use is of another recording now."""
    by_file = {move.scanned_file: move for move in moves}
    files = ScannedFile._base_manager.in_bulk(by_file)
    recordings = Recording._base_manager.in_bulk(
        {key for move in moves for key in (move.before, move.now)}
    )
    drafts = []
    for use in uses:
        move, values = by_file[use.scanned_file_id], as_json(use_values(use))
        before, now = recordings[move.before].uid, recordings[move.now].uid
        drafts.append(
            EventDraft(
                case=f"file:{files[use.scanned_file_id].uid}",
                action=_USE_CHANGED,
                before={"recording": before} | values,
                after={"recording": now} | values,
            )
        )
    if drafts:
        record_all(drafts)


def set_uses(
    *, uids: Collection[str], change: Mapping[str, str | bool | None], user: User
) -> Decided:
    """Set some values of ``UseValues`` for many matches; the others stay as they are.

    Raises ``ReviewError`` before writing if the user or the number is refused.
    """
    require(user, Action.DECIDE, why=_("Your role can view this but not change it."))
    limit = decision_limit(user)
    if len(uids) > limit:
        raise BulkLimit(limit=limit)
    outcome = Decided()
    matches = Match.objects.filter(of_ids(uids))
    for match in matches.select_related("recording", "scanned_file"):
        try:
            _change_use(match, change, user)
        except ProgrammeRefused as refused:
            outcome.refused.append(Refusal(match, NotPossible(str(refused))))
        else:
            outcome.done.append(match)
    return outcome


@transaction.atomic
def _change_use(match: Match, change: Mapping[str, str | bool | None], user: User) -> None:
    # Locked first, so that values that somebody else sets meanwhile stay.
    locked_file(match.scanned_file)
    row = use_of(match.scanned_file, match.recording)
    set_use(
        scanned_file=match.scanned_file,
        recording=match.recording,
        values=replace(use_values(row), **change),  # type: ignore[arg-type]  # named so
        user=user,
    )


def use_values(row: MusicUse | None) -> UseValues:
    """Return how a file uses a recording, if anybody entered it."""
    return values_of(row, UseValues) if row else UseValues()


def _checked_use(values: UseValues) -> UseValues:
    codes = {
        name: getattr(values, name).strip().upper() for name in ("recorded_in", "published_in")
    }
    for name, code in codes.items():
        if code and code not in TERRITORIES:
            raise ProgrammeRefused("invalid", why_no_territory(code), field=name)
    return replace(values, **codes)
