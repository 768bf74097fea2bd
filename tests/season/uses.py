"""Where files are used, which licences allow it, and what must hold of both.

A licence for some territories clears a match only while all territories of the file are
among them. Undoing an application restores what was there before.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from base.common.zones import office_day
from catalogue.models import Bucket
from review.choices import EditedUses, LicenceScope, MatchState, OnExpiry, QueueReason, UseKind
from review.coverage import WORLD
from review.edits import MIXED, Edit
from review.models import Licence, Match
from review.services import applications, evaluation
from review.subjects import Subject
from scanning.models import Container, ScannedFile
from scanning.uses import use_of
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person

_TERRITORIES = ("", "DE", "FR", "DE, FR", "de ch", "CH", "XX")
_BY_PERSON = (MatchState.CONFIRMED, MatchState.UPHELD)


def say(person: Person, rng: random.Random) -> None:
    """Say where files are used, or license uses there; roles and limits may refuse."""
    ways = (_tag, _tag, _describe, _upload, _license, _license, _undo, _end)
    rng.choice((*ways, _limit_edits, _limit_edits))(person, rng)


def _tag(person: Person, rng: random.Random) -> None:
    """Add territories and tags to several files at once."""
    files = list(ScannedFile.objects.present().order_by("pk"))
    some = rng.sample(files, min(len(files), rng.randint(1, 4)))
    ticked = {"file": [str(file.uid) for file in some]}
    uses = _use_of_file(rng)
    before = {file.pk: set(file.tags) for file in some}
    answer = person.fill_in("/files/many/", verb="tag", apply="1", **ticked, **uses)
    for file in some:
        file.refresh_from_db()
        check(before[file.pk] <= set(file.tags), f"{file} lost tags: {file.tags}")
    if answer.status == 200:
        _check_evaluated([file for file in some if before[file.pk] != set(file.tags)])


def _describe(person: Person, rng: random.Random) -> None:
    """Replace the territories and tags of one file."""
    file = _some(ScannedFile.objects.present(), rng)
    if file is None:
        return
    before = list(file.tags)
    programme = rng.choice([file.programme, *samples.WORDS])
    path = f"/files/{file.uid}/details/"
    person.fill_in(path, programme=programme, account=file.account, **_use_of_file(rng))
    file.refresh_from_db()
    if before != file.tags:
        _check_evaluated([file])


def _upload(person: Person, rng: random.Random) -> None:
    container = _some(Container.objects.present(), rng)
    files = [samples.some_sound(rng)]
    person.fill_in("/upload/", files=files, container=container.pk, **_use_of_file(rng))


def _license(person: Person, rng: random.Random) -> None:
    """Write a licence or change its terms, then apply it to what is there."""
    licence = _some(Licence.objects.filter(built_in=False, withdrawn_at=None), rng)
    today = datetime.now(tz=UTC).date()
    terms = {
        "holder": "A broadcaster",
        "scope": LicenceScope.BUCKET,
        "buckets": [_some(Bucket.objects.present(), rng).pk],
        "use_kind": UseKind.ANY,
        "territories": rng.choice(["", "DE", "DE FR", "FR CH", WORLD]),
        "valid_until": rng.choice(["", today, today + timedelta(days=2)]),
        "on_expiry": rng.choice(OnExpiry.values),
        **_edits(rng),
    }
    is_new = licence is None or rng.random() < 0.4
    keys = set(Licence.objects.values_list("pk", flat=True))
    path = "/licences/new/" if is_new else f"/licences/{licence.uid}/"
    person.fill_in_and_agree(path, **terms)
    if is_new:
        licence = Licence.objects.exclude(pk__in=keys).first()
    if licence is not None:
        decided = Match._base_manager.filter(state__in=_BY_PERSON)
        chosen = list(decided.order_by("pk").values_list("uid", flat=True)[:5])
        reach = rng.choice(["all", "all", "chosen", "future"])
        path = f"/licences/{licence.uid}/preview/"
        person.open(path)
        person.fill_in(path, reach=reach, match=rng.sample(chosen, len(chosen) // 2))


def _edits(rng: random.Random) -> dict[str, object]:
    """Return limits of edits; the edited programme is 4 % faster, 0.7 semitones up."""
    return {
        "edited_uses": rng.choice([EditedUses.COVERED, *EditedUses.values]),
        "max_speed_pct": rng.choice(["", 3, "3.9", 5]),
        "max_semitones": rng.choice(["", 0, "0.5", 1]),
    }


def _limit_edits(person: Person, rng: random.Random) -> None:
    """Change which edits a licence covers while matches stand on it."""
    held = Match._base_manager.filter(state=MatchState.CLEARED).values("licence")
    standing = Licence.objects.filter(pk__in=held, built_in=False, withdrawn_at=None)
    licence = _some(standing, rng)
    if licence is None:
        return
    terms = {
        "holder": licence.holder,
        "scope": licence.scope,
        "buckets": [bucket.pk for bucket in licence.buckets.all()],
        "labels": "\n".join(licence.labels),
        "recordings": [recording.uid for recording in licence.recordings.all()],
        "use_kind": licence.use_kind,
        "use_values": "\n".join(licence.use_values),
        "territories": ", ".join(licence.territories),
        "valid_from": licence.valid_from or "",
        "valid_until": licence.valid_until or "",
        "max_seconds": licence.max_seconds or "",
        "on_expiry": licence.on_expiry,
        "note": licence.note,
        **_edits(rng),
    }
    person.fill_in_and_agree(f"/licences/{licence.uid}/", **terms)


def _undo(person: Person, rng: random.Random) -> None:
    """Undo an application of a licence, also one that was undone before."""
    licence = _some(Licence.objects.filter(built_in=False), rng)
    acts = applications.applications(licence) if licence else []
    if licence and acts:
        act = rng.choice(acts).act
        person.fill_in(f"/licences/{licence.uid}/undo/", act=act)


def _end(person: Person, rng: random.Random) -> None:
    licence = _some(Licence.objects.filter(built_in=False), rng)
    if licence is not None and rng.random() < 0.5:
        reason = rng.choice(["", "It was not paid."])
        person.fill_in_and_agree(f"/licences/{licence.uid}/withdraw/", reason=reason)


def _use_of_file(rng: random.Random) -> dict[str, str]:
    tags = rng.choice(["", "news", "news, late", *samples.WORDS])
    return {"territories": rng.choice(_TERRITORIES), "tags": tags}


def _check_evaluated(files: list[ScannedFile]) -> None:
    """Check that no match waits although a licence covers it, unless a person asked."""
    for match in Match._base_manager.filter(
        scanned_file__in=files, state=MatchState.PENDING
    ).exclude(queue_reason=QueueReason.REOPENED):
        outcome = evaluation.evaluate(subject=Subject.of(match))
        check(
            outcome.state != MatchState.CLEARED,
            f"{match.case} waits, and {outcome.licence} covers {match.scanned_file}",
        )


def licences_hold() -> None:
    """Check that no licence clears a match outside of its territories or its edits."""
    for match in Match._base_manager.filter(
        state=MatchState.CLEARED,
        decided_by=None,
        licence__on_expiry=OnExpiry.REOPEN,
        scanned_file__deleted_at=None,
    ).select_related("licence", "scanned_file"):
        licence = match.licence
        assert licence is not None
        case = f"{match.case}, cleared by {licence.number},"
        check(licence.active and licence.withdrawn_at is None, f"{case} not in force")
        allowed = set(licence.territories)
        use = use_of(match.scanned_file)
        is_inside = use.is_everywhere_known and use.territories <= allowed
        check(
            not allowed or WORLD in allowed or is_inside,
            f"{case} is used in {use.places}, not only in {allowed}",
        )
        _check_edit(match, licence, case)


def _check_edit(match: Match, licence: Licence, case: str) -> None:
    """Check that a licence covers how a use that it clears was edited."""
    measured = Subject.of(match).measured
    if licence.edited_uses == EditedUses.COVERED or measured.edit == Edit.NONE:
        return
    check(
        measured.edit not in ("", *MIXED) and licence.edited_uses == EditedUses.WITHIN,
        f"{case} is edited: {measured}",
    )
    speed = abs(measured.speed_pct or Decimal(0))
    pitch = abs(measured.pitch_cents or 0)
    fast, high = licence.max_speed_pct, licence.max_semitones
    check(
        (fast is None or speed <= fast) and (high is None or pitch <= 100 * high),
        f"{case} is edited by {speed} %, {pitch} cents, not by {fast} %, {high}",
    )


def no_licence_outlives_its_time() -> None:
    """Check that ended licences clear nothing, once all work is done."""
    ended = Match._base_manager.filter(
        state=MatchState.CLEARED,
        licence__on_expiry=OnExpiry.REOPEN,
        licence__valid_until__lt=office_day(),
        scanned_file__deleted_at=None,
    )
    check(not ended.exists(), f"cleared by licences that have ended: {list(ended)}")


def _some(rows: Any, rng: random.Random) -> Any:  # Any: a queryset, and its row
    choices = list(rows.order_by("pk"))
    return rng.choice(choices) if choices else None
