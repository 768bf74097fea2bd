"""Changes of grounds that are previewed: the change does what its preview said."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from django.core.exceptions import PermissionDenied
from django.db.models import Q

from catalogue.models import Exclusion, Recording
from dedup.actions import act_on_group
from dedup.effects import ActionRequest
from dedup.errors import ActionRefused
from dedup.models import ActionVerb, DedupGroup
from review import coverage, errors
from review.choices import MatchState, OnExpiry
from review.models import Licence, Match
from review.services import exclusions, licences
from tests.previews import rows, said_otherwise, unexpected, unexpected_statements
from tests.season.invariants import check
from tests.season.people import Person
from web.portal.shared.consequences import Consequences, consequences_of


def change(person: Person, rng: random.Random) -> None:
    """Change one ground; roles, limits and the state of the world may refuse it."""
    rng.choice((_exclude, _exclude, _end_exclusion, _end_licence, _merge, _hear))(person, rng)


def _exclude(person: Person, rng: random.Random) -> None:
    recording = _some_recording(rng)
    if recording is None:
        return
    start = rng.randrange(max(1, recording.duration_ms // 1000))
    end = min(start + rng.randint(1, 60), recording.duration_ms // 1000)

    def exclude() -> None:
        exclusions.exclude(
            recording=recording,
            interval=(start * 1000, end * 1000),
            reason="ident",
            user=person.user,
        )

    path = f"/catalogue/recordings/{recording.uid}/exclude/"
    _compare(
        exclude,
        Q(recording=recording),
        lambda: person.fill_in_and_agree(path, start=start, end=end, reason="ident", note=""),
    )


def _end_exclusion(person: Person, rng: random.Random) -> None:
    rows_in_force = Exclusion.objects.filter(removed_at=None, approved=True)
    policies = list(rows_in_force.select_related("recording").order_by("pk"))
    if not policies:
        return
    segment = rng.choice(policies)
    _compare(
        lambda: exclusions.remove(segment=segment, user=person.user, reason="It is ours."),
        Q(recording=segment.recording),
        lambda: person.fill_in_and_agree(
            f"/exclusions/{segment.uid}/remove/", reason="It is ours."
        ),
    )


def _end_licence(person: Person, rng: random.Random) -> None:
    in_force = Licence.objects.filter(built_in=False, active=True, withdrawn_at=None)
    result = list(in_force.order_by("pk"))
    if not result or rng.random() < 0.5:
        return
    licence = rng.choice(result)
    _compare(
        lambda: licences.withdraw(licence=licence, user=person.user, reason="Unpaid."),
        Q(licence=licence),
        lambda: person.fill_in_and_agree(f"/licences/{licence.uid}/withdraw/", reason="Unpaid."),
    )


def _merge(person: Person, rng: random.Random) -> None:
    """Merge or split a group of duplicates."""
    groups = list(DedupGroup.objects.order_by("pk"))
    if not groups:
        return
    group = rng.choice(groups)
    uids = [member.recording.uid for member in group.members.order_by("pk")]
    verb = rng.choice([ActionVerb.MERGE, ActionVerb.MERGE, ActionVerb.SPLIT])
    act_on(person, group, verb, uids)


def act_on(person: Person, group: DedupGroup, verb: ActionVerb, uids: Sequence[str]) -> None:
    """Merge the members of a group into the first, or split the first off."""
    some = list(uids if verb == ActionVerb.MERGE else uids[:1])
    action_request = ActionRequest(some, canonical=uids[0] if uids else "")

    def act() -> None:
        act_on_group(
            verb=verb,
            group=group,
            user=person.user,
            version=group.version,
            seen=list(uids),
            selection=action_request,
        )

    _compare(
        act,
        Q(recording__uid__in=uids),
        lambda: person.fill_in_and_agree(
            f"/duplicates/g/{group.uid}/act/",
            verb=verb.value,
            version=group.version,
            seen=list(uids),
            split=some if verb == ActionVerb.SPLIT else [],
            canonical=uids[0] if uids else "",
        ),
    )


def _hear(person: Person, rng: random.Random) -> None:
    """Correct the estimate of speech; a correction stays."""
    matches = list(Match._base_manager.order_by("pk"))
    if not matches:
        return
    match = rng.choice(matches)
    heard = rng.choice(["yes", "no"])
    answer = person.fill_in(f"/m/{match.uid}/speech", heard=heard)
    if answer.status < 400 and not answer.signed_out:
        match.refresh_from_db()
        check(
            not match.speech_checked or match.under_speech == (heard == "yes"),
            f"{match.case} was heard as {heard}, and says {match.under_speech}",
        )


def _compare(change: Callable[[], object], about: Q, act: Callable[[], object]) -> None:
    """Preview a change, let the person make it, and compare if it was made."""
    consequences: Consequences | None = None
    try:
        consequences = consequences_of(change, about=about)
    except (errors.ReviewError, ActionRefused, PermissionDenied):
        was = rows()
        act()
        check(rows() == was, "what the preview refuses was done")
        return
    was, otherwise = rows(), said_otherwise()
    act()
    now = rows()
    if (consequences.matches or consequences.statements) and now == was:
        return
    faults = unexpected(consequences, was, now)
    faults += unexpected_statements(consequences, otherwise, said_otherwise())
    check(not faults, "; ".join(faults))


def licences_cover_what_they_keep() -> None:
    """Check that a licence that keeps uses cleared covers each by its own terms."""
    matches = Match._base_manager.filter(
        state=MatchState.CLEARED,
        decided_by=None,
        licence__on_expiry=OnExpiry.KEEP,
        scanned_file__deleted_at=None,
    ).select_related("licence", "recording", "scanned_file", "scan")
    for match in matches:
        assert match.licence is not None
        check_terms = coverage.check_terms(match.licence, match)
        check(
            check_terms is not None and check_terms.cover == coverage.Cover.FULL,
            f"{match.case} is kept by {match.licence.number}, which covers it not: {check_terms}",
        )


def _some_recording(rng: random.Random) -> Recording | None:
    rows_with_matches = Recording._base_manager.filter(matches__isnull=False, duration_ms__gt=1000)
    recordings = list(rows_with_matches.distinct().order_by("pk"))
    return rng.choice(recordings) if recordings else None
