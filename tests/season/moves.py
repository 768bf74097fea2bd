"""Recordings that move or get another label, and files that turn out to be used elsewhere.

They do so while matches wait, are reviewed, decided and undone. Rules follow, people's
decisions stay.
"""

from __future__ import annotations

import random

from django.db.models import QuerySet

from base.audit.models import Event
from catalogue.models import Bucket, Recording
from review import coverage
from review.choices import DECIDED_STATES, MatchState, OnExpiry, Verb
from review.models import Match
from review.services import applications, evaluation, facts
from review.services.evaluation import is_of_a_policy_alone
from review.subjects import Subject
from scanning.models import ScannedFile
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person

_LABELS = ("Tune label", "Other label", "")
_MATCHES = "/api/portal/v1/matches"
_OPEN = (MatchState.PENDING, MatchState.IN_REVIEW)


def change(person: Person, rng: random.Random) -> None:
    """Change what rules read of a match, some of the time around a decision about it."""
    match = _some_match(rng)
    if match is None:
        return
    if rng.random() < 0.3:
        person.open(f"/m/{match.uid}")
    is_decided = rng.random() < 0.5 and _decide(person, match, rng)
    rng.choice((_move, _relabel, _use_elsewhere))(person, match, rng)
    if is_decided and rng.random() < 0.7:
        _undo(person, match)


def undo_after_an_application(person: Person, rng: random.Random) -> None:
    """Undo an application of a policy after one of its matches changed.

    Somebody decided it, and undoes that too, or what rules read of it has changed.
    """
    acts = [
        (policy, application)
        for policy in (match.policy for match in _live().exclude(policy=None))
        if policy is not None
        for application in applications.applications(policy)
        if application.undone is None
    ]
    if not acts:
        return
    policy, application = rng.choice(acts)
    uids = application.event.after["matches"]
    rows = _live().filter(uid__in=uids, state__in=(*_OPEN, MatchState.ESCALATED))
    match = rng.choice(matches) if (matches := list(rows.order_by("pk"))) else None
    is_decided = match is not None and rng.random() < 0.6 and _decide(person, match, rng)
    if match is not None and rng.random() < 0.5:
        rng.choice((_move, _relabel, _use_elsewhere))(person, match, rng)
    person.fill_in(f"/policies/{policy.uid}/undo/", act=application.act)
    if match is not None and is_decided:
        _undo(person, match)
    elif match is not None:
        _check_evaluated(match, application.act)


def _move(person: Person, match: Match, rng: random.Random) -> None:
    """Move the recording to another bucket; what is hidden stays hidden."""
    recording = match.recording
    hidden = samples.HIDDEN in recording.title
    targets = [
        bucket
        for bucket in Bucket.objects.present().order_by("pk")
        if (samples.HIDDEN in bucket.name) == hidden
    ]
    if targets:
        key = rng.choice(targets).pk
        before, bucket = _decided(recording=recording), recording.bucket_id
        person.call("PUT", f"/api/buckets/{key}/files/{recording.acr_id}/move")
        recording.refresh_from_db()
        if recording.bucket_id != bucket:
            _check_followed(before, recording=recording)


def _relabel(person: Person, match: Match, rng: random.Random) -> None:
    recording = match.recording
    before, label = _decided(recording=recording), recording.label
    path = f"/api/buckets/{recording.bucket_id}/files/{recording.acr_id}"
    data = {"title": recording.title, "label": rng.choice(_LABELS)}
    person.call("PUT", path, {"user_defined": data})
    recording.refresh_from_db()
    if recording.label != label:
        _check_followed(before, recording=recording)


def _use_elsewhere(person: Person, match: Match, rng: random.Random) -> None:
    """Say that the file is used in other territories, or in another programme."""
    file = match.scanned_file
    before, tags = _decided(scanned_file=file), file.tags
    programme = file.programme
    person.fill_in(
        f"/files/{file.uid}/details/",
        territories=rng.choice(["", "DE", "FR", "DE, FR", "CH"]),
        programme=rng.choice([file.programme, *samples.WORDS]),
        account=file.account,
    )
    file.refresh_from_db()
    if (file.tags, file.programme) != (tags, programme):
        _check_followed(before, scanned_file=file)


def _decide(person: Person, match: Match, rng: random.Random) -> bool:
    """Decide the match; return whether that was accepted."""
    verb = rng.choice([Verb.CONFIRM, Verb.CLEAR, Verb.REJECT, Verb.ESCALATE])
    match.refresh_from_db()
    body = {"verb": verb.value, "version": match.version, "note": "As agreed."}
    if verb == Verb.REJECT:
        body["reason"] = "noise"
    path = f"{_MATCHES}/{match.uid}/decisions/"
    return person.call("POST", path, body).status < 300


def _undo(person: Person, match: Match) -> None:
    """Undo the decision, after which the rules of today hold."""
    match.refresh_from_db()
    body = {"verb": Verb.UNDO.value, "version": match.version}
    path = f"{_MATCHES}/{match.uid}/decisions/"
    if person.call("POST", path, body).status < 300:
        _check_no_undone_policy(match)


def _check_evaluated(match: Match, act: str) -> None:
    """Check that rules of today hold where an undo met other facts than the act."""
    events = Event.objects.filter(case=match.case, after__act=act).order_by("sequence")
    first, last = events.first(), events.last()
    is_undone = last is not None and last.action == "application_undone"
    if first is not None and is_undone and facts.changed_since([first]):
        _check_followed({}, pk=match.pk)


def _check_no_undone_policy(match: Match) -> None:
    """Check that an undone decision brought no undone application of a policy back."""
    match = Match._base_manager.get(pk=match.pk)
    treated = Event.objects.filter(
        case=match.case, action__in=("rule_applied", "unsuppressed", "application_undone", "found")
    ).order_by("-sequence")
    last = treated.first()
    act = last.after.get("act") if last is not None else None
    if last is None or not act or last.action == "application_undone":
        return
    undone = Event.objects.filter(action="application.undone", after__act=act)
    first = [event for event in treated if event.after.get("act") == act][-1]
    if undone.exists() and first.before["policy"] != last.after["policy"]:
        check(
            match.policy_id != last.after["policy"],
            f"{match.case} has {match.policy_name} again, whose {act} was undone",
        )


def _check_followed(before: dict[int, str], **of: Recording | ScannedFile | int | None) -> None:
    """Check that the rules of today hold for matches, and that decisions stay.

    A policy that was switched off keeps its matches until something that it read changes,
    so nothing is checked where a change was refused or changed nothing.
    """
    policies = evaluation.rules_in_force()
    in_force = coverage.LicencesInForce()
    for match in _live().filter(**of):
        state = before.get(match.pk, match.state)
        # A licence that a person chose may not cover the use any more.
        gives_back = match.state in (*_OPEN, MatchState.CLEARED)
        check(
            state == match.state or (state == MatchState.CLEARED and gives_back),
            f"{match.case} was decided as {state} and is {match.state}",
        )
        if match.state not in _OPEN and not is_of_a_policy_alone(match):
            continue
        outcome = evaluation.evaluate(
            subject=Subject.of(match), policies=policies, licences=in_force, is_new=False
        )
        if outcome.state in (MatchState.CLEARED, MatchState.SUPPRESSED):
            continue
        # A match that another policy confirms or suppresses keeps the first one's name.
        same = (match.policy is None) == (outcome.policy is None)
        check(
            same or match.policy is None,
            f"{match.case} has {match.policy_name}, rules say {outcome.policy}",
        )


def _decided(**of: Recording | ScannedFile) -> dict[int, str]:
    """Return the states that people gave matches of a recording or file."""
    rows = _live().filter(**of, decided_by__isnull=False, state__in=DECIDED_STATES)
    return dict(rows.values_list("pk", "state"))


def licences_cover_what_they_clear() -> None:
    """Check that no licence clears a recording that it is not for."""
    in_force = coverage.LicencesInForce()
    cleared = _live().filter(state=MatchState.CLEARED, licence__on_expiry=OnExpiry.REOPEN)
    for match in cleared:
        check(
            match.licence in list(in_force.of(match.recording)),
            f"{match.case} is cleared by {match.licence}, not for {match.recording}",
        )


def _some_match(rng: random.Random) -> Match | None:
    matches = list(_live().order_by("pk"))
    return rng.choice(matches) if matches else None


def _live() -> QuerySet[Match]:
    return Match._base_manager.filter(scanned_file__deleted_at=None).select_related(
        "recording", "scanned_file__container", "scan", "policy"
    )
