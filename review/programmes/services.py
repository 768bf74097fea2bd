"""What people say about files as programmes; each change is one event of a case.

A form passes the ``seen`` state of ``values.state_of`` that its reader saw. If somebody
else changed the values since, the change is refused, so that nobody's words are lost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

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
from review.programmes.selectors import episode_of, use_of
from review.programmes.values import Values, as_json
from review.programmes.writing import (
    locked_file,
    record,
    refuse_overtaken,
    require_action,
    store,
)
from review.selectors import of_ids
from review.services.following import Move
from review.services.transitions import require
from scanning.models import ScannedFile

_USE_CHANGED = "file.use_changed"


@transaction.atomic
def set_episode(
    *, scanned_file: ScannedFile, values: Values, user: User | None, seen: str | None = None
) -> bool:
    """Set values of a file's episode; return whether any changed. The others stay.

    Raises ``ProgrammeRefused`` for values that are too long, for an ISAN that cannot be
    right, and if the file was deleted or its episode changed since it was ``seen``.
    """
    require_action(user, Action.UPLOAD)
    current = locked_file(scanned_file)
    row = episode_of(current) or Episode(scanned_file=current)
    refuse_overtaken(row, seen)
    before = as_json(row)
    texts = {name: (text or "").strip() for name, text in values.items()}
    if texts.get("isan", row.isan) != row.isan:
        texts["isan"] = _checked_isan(texts["isan"])
    if not store(row, texts):
        return False
    record(f"file:{current.uid}", "file.episode_changed", user, before, as_json(row))
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


@transaction.atomic
def set_use(
    *,
    scanned_file: ScannedFile,
    recording: Recording,
    values: Values,
    user: User | None,
    seen: str | None = None,
) -> bool:
    """Say how a file uses a recording; return whether that changed. Other values stay.

    Raises ``ProgrammeRefused`` if the file has no match with the recording, for codes
    that name no country, and if the use changed since it was ``seen``.
    """
    require_action(user, Action.DECIDE)
    current = locked_file(scanned_file)
    row = use_of(current, recording)
    matches = Match.objects.filter(scanned_file=current, recording=recording)
    if row is None and not matches.exists():
        raise ProgrammeRefused(
            "no_match",
            _("%(name)s has no match with this recording.") % {"name": current.name},
            field="recording",
        )
    row = row or MusicUse(scanned_file=current, recording=recording)
    refuse_overtaken(row, seen)
    before = as_json(row)
    if not store(row, _checked_use(values)):
        return False
    named = {"recording": recording.uid}
    record(f"file:{current.uid}", _USE_CHANGED, user, named | before, named | as_json(row))
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
        move, values = by_file[use.scanned_file_id], as_json(use)
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


def set_uses(*, uids: Collection[str], change: Values, user: User) -> Decided:
    """Set some values of the uses of many matches; the others stay as they are.

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
            set_use(
                scanned_file=match.scanned_file,
                recording=match.recording,
                values=change,
                user=user,
            )
        except ProgrammeRefused as refused:
            outcome.refused.append(Refusal(match, NotPossible(str(refused))))
        else:
            outcome.done.append(match)
    return outcome


def _checked_use(values: Values) -> Values:
    codes = {
        name: (values[name] or "").strip().upper()
        for name in ("recorded_in", "published_in")
        if name in values
    }
    for name, code in codes.items():
        if code and code not in TERRITORIES:
            raise ProgrammeRefused("invalid", why_no_territory(code), field=name)
    return {**values, **codes}
