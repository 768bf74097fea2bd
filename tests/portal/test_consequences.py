"""What a preview says of a change, and what the change then does, in random worlds."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Q
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from base.accounts.roles import Role
from base.audit.models import Event
from base.audit.standing import StatementKind
from base.jobs.models import Job
from catalogue.changes import move_recordings, retire_recordings
from catalogue.models import Bucket, Exclusion, Recording
from dedup.actions import act_on_group
from dedup.effects import ActionRequest
from dedup.models import ActionVerb, DedupGroup, DedupMember
from review import errors
from review.choices import EditedUses, LicenceScope, MatchState, OnExpiry, PolicyAction
from review.models import Licence, Match
from review.services import exclusions, licences
from review.services.licences import Reach
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.factories.statements import state_everywhere
from tests.previews import rows, said_otherwise, unexpected, unexpected_statements
from web.portal.shared.consequences import Consequences, consequences_of

pytestmark = pytest.mark.django_db

# Any: drawn values, and arguments of decisions.
Drawn = dict[str, Any]
Change = tuple[Callable[[], object], Q]
DECISIONS = ("none", "confirm", "clear", "reject", "exclude", "escalate", "dispute")
GROUNDS = (
    *("exclude", "end_exclusion", "narrow", "widen", "end_licence", "apply"),
    *("merge", "retire", "move"),
)
TERMS = st.fixed_dictionaries(
    {
        "on_expiry": st.sampled_from(OnExpiry.values),
        "max_seconds": st.sampled_from([None, 5, 12, 60]),
        "edited_uses": st.sampled_from(EditedUses.values),
        "valid_until": st.sampled_from([None, date(2026, 1, 31), date(2030, 1, 1)]),
    }
)
WORLDS = st.fixed_dictionaries(
    {
        "decisions": st.lists(st.sampled_from(DECISIONS), min_size=1, max_size=4),
        "merged": st.lists(st.sampled_from(DECISIONS), max_size=2),
        "excluded": st.lists(st.tuples(st.integers(0, 24), st.integers(1, 20)), max_size=2),
        "licence": TERMS | st.none(),
        "policy": st.sampled_from([None, *PolicyAction]),
        "label": st.booleans(),
        "published": st.sampled_from([None, datetime(2026, 1, 9, tzinfo=UTC)]),
        "terms": TERMS,
        "interval": st.tuples(st.integers(0, 24), st.integers(1, 24)),
    }
)


class World:
    """Two recordings with the same sound, their matches, a licence, a policy."""

    def __init__(self, drawn: Drawn) -> None:
        self.drawn = drawn
        self.manager, self.reviewer = make_user(Role.MANAGER), make_user(Role.REVIEWER)
        self.bucket, self.target = BucketFactory.create_batch(2)
        self.recording, self.other = RecordingFactory.create_batch(
            2, bucket=self.bucket, duration_ms=30_000, audio_sha256="ab" * 32, audio_bytes=10
        )
        if drawn["policy"] is not None:
            make_policy(
                action=PolicyAction(drawn["policy"]),
                sets={"buckets": [str(self.target.pk)]}
                if drawn["label"]
                else {"buckets": [str(self.bucket.pk)]},
                user=self.manager,
            )
        for start, length in drawn["excluded"]:
            self._exclude(start, length)
        for recording, name in ((self.recording, "decisions"), (self.other, "merged")):
            for decision in drawn[name]:
                self._decided(make_match(recording=recording), decision)
        self.licence = None
        if drawn["licence"] is not None:
            self.licence = make_licence(
                buckets=[self.bucket], user=self.manager, **drawn["licence"]
            )
            with contextlib.suppress(errors.ReviewError):
                licences.apply(licence=self.licence, user=self.manager, reach=Reach.ALL)
        if drawn["published"] is not None:
            ScannedFile.objects.update(published_at=drawn["published"])

    def _exclude(self, start: int, length: int) -> None:
        exclusions.exclude(
            recording=self.recording,
            interval=(start * 1000, min(start + length, 30) * 1000),
            reason="ident",
            user=self.manager,
        )

    def _decided(self, match: Match, decision: str) -> None:
        """Decide as far as the state allows."""
        with contextlib.suppress(errors.ReviewError):
            match.refresh_from_db()
            named: Drawn = {"match": match, "user": self.manager, "version": match.version}
            if decision in ("confirm", "dispute"):
                match = deciding.confirm(**named)
            if decision == "dispute":
                deciding.record(**named | {"version": match.version}, code="licensed")
            if decision == "clear":
                deciding.clear(**named, reason="agreed")
            if decision == "reject":
                deciding.reject(**named, reason="noise")
            if decision == "escalate":
                deciding.escalate(**named, note="look")
            if decision == "exclude":
                deciding.exclude_part(**named, interval=(5_000, 15_000), reason="ident")

    def change(self, ground: str) -> Change | None:
        """Return the change of a ground; None if this world has no such ground."""
        of_recording = Q(recording=self.recording)
        user = self.manager
        if ground == "exclude":
            start, length = self.drawn["interval"]
            interval = (start * 1000, min(start + length, 30) * 1000)
            return (
                lambda: exclusions.exclude(
                    recording=self.recording, interval=interval, reason="ident", user=user
                ),
                of_recording,
            )
        if ground == "end_exclusion":
            segment = Exclusion.objects.filter(removed_at=None).order_by("pk").first()
            if segment is None:
                return None
            return (
                lambda: exclusions.remove(segment=segment, user=user, reason="ours"),
                Q(recording=segment.recording),
            )
        if ground in ("narrow", "widen", "end_licence"):
            return self._of_licence(ground)
        if ground == "apply":
            draft = Licence(holder="New", scope=LicenceScope.BUCKET)
            for name, value in self.drawn["terms"].items():
                setattr(draft, name, value)
            licences.save(licence=draft, user=user, buckets=[self.bucket])
            return (
                lambda: licences.apply(licence=draft, user=user, reach=Reach.ALL),
                Q(recording__bucket=self.bucket),
            )
        if ground == "merge":
            group = DedupGroup.objects.create()
            for recording in (self.recording, self.other):
                DedupMember.objects.create(
                    group=group, recording=recording, canonical=recording == self.other
                )
            uids = [self.recording.uid, self.other.uid]
            return (
                lambda: act_on_group(
                    verb=ActionVerb.MERGE,
                    group=group,
                    user=user,
                    version=group.version,
                    seen=uids,
                    selection=ActionRequest(uids, canonical=self.other.uid),
                ),
                Q(recording__in=[self.recording, self.other]),
            )
        if ground == "retire":
            return (
                lambda: retire_recordings(
                    recordings=[Recording.objects.get(pk=self.recording.pk)], user=user
                ),
                of_recording,
            )
        return (
            lambda: move_recordings(
                recordings=[Recording.objects.get(pk=self.recording.pk)],
                target=Bucket.objects.get(pk=self.target.pk),
                user=user,
            ),
            of_recording,
        )

    def _of_licence(self, ground: str) -> Change | None:
        licence = self.licence
        if licence is None:
            return None
        if ground == "end_licence":
            return (
                lambda: licences.withdraw(licence=licence, user=self.manager, reason="unpaid"),
                Q(licence=licence),
            )
        changed = copy.copy(Licence.objects.get(pk=licence.pk))
        terms = self.drawn["terms"]
        if ground == "widen":
            terms = {"max_seconds": None, "valid_until": None}
        for name, value in terms.items():
            setattr(changed, name, value)
        return (
            lambda: licences.save(
                licence=copy.copy(changed), user=self.manager, buckets=[self.bucket]
            ),
            Q(licence=licence) | Q(recording__bucket=self.bucket),
        )


def everything() -> tuple[object, ...]:
    """Return what a preview must leave as it was."""
    return (
        rows(),
        list(Event.objects.order_by("pk").values_list("pk", "hash")),
        list(Exclusion.objects.values_list("pk", "removed_at")),
        list(Licence.objects.values_list("pk", "active", "withdrawn_at", "max_seconds")),
        list(Recording.objects.values_list("pk", "status", "bucket", "merged_into")),
        Job.objects.count(),
    )


def check_preview(world: World, ground: str) -> Consequences | None:
    """Check that the change does what its preview says, and the preview nothing."""
    named = world.change(ground)
    if named is None:
        return None
    change, about = named
    before = everything()
    standing = Match.objects.filter(about)
    on_ground = set(standing.values_list("pk", flat=True))
    consequences = consequences_of(change, about=about)
    assert everything() == before

    was, otherwise = rows(), said_otherwise()
    change()

    assert unexpected(consequences, was, rows()) == []
    assert unexpected_statements(consequences, otherwise, said_otherwise()) == []
    stays = on_ground - {change.match.pk for change in consequences.matches}
    assert sum(group.count for group in consequences.unchanged) == len(stays)
    return consequences


@given(drawn=WORLDS, ground=st.sampled_from(GROUNDS))
@settings(
    max_examples=4 if settings().derandomize else 1_000,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_change_does_what_its_preview_says(db: None, drawn: Drawn, ground: str) -> None:
    check_preview(World(drawn), ground)


PLAIN: Drawn = {
    "decisions": ["confirm", "none", "clear"],
    "merged": ["confirm"],
    "excluded": [(5, 20)],
    "licence": {"on_expiry": "keep", "max_seconds": 60},
    "policy": None,
    "label": True,
    "published": None,
    "terms": {"max_seconds": 5},
    "interval": (0, 24),
}


def test_every_ground_has_a_preview() -> None:
    world = World(PLAIN)

    for ground in GROUNDS:
        with transaction.atomic():
            assert check_preview(world, ground) is not None, ground
            transaction.set_rollback(True)


def test_claims_and_what_binds_the_most_come_first() -> None:
    manager, reviewer = make_user(Role.MANAGER), make_user(Role.REVIEWER)
    claim = deciding.confirm(match=make_match(), user=reviewer)
    waiting = make_match(recording=claim.recording)
    match = make_match(recording=claim.recording, match={"state": MatchState.RELEASED})
    state_everywhere(claim, manager)

    def change() -> object:
        return exclusions.exclude(
            recording=claim.recording, interval=(0, 10_000), reason="ident", user=manager
        )

    consequences = consequences_of(change, about=Q(recording=claim.recording))

    assert [change.match for change in consequences.matches] == [claim, match, waiting]
    assert consequences.counts[0] == (MatchState.CONFIRMED, "Keeps its state; less of it counts", 1)
    assert [change.kind for change in consequences.statements] == [
        StatementKind.CUE_SHEET,
        StatementKind.EVIDENCE,
    ]
    assert all(change.texts for change in consequences.statements)


def test_only_what_a_person_saw_is_agreed_to() -> None:
    manager = make_user(Role.MANAGER)
    match = make_match(state=MatchState.CONFIRMED)

    def mark(start: int) -> str:
        return consequences_of(
            lambda: exclusions.exclude(
                recording=match.recording, interval=(start, 10_000), reason="ident", user=manager
            ),
            about=Q(recording=match.recording),
        ).mark

    assert mark(0) == mark(5_000) != mark(7_000)
