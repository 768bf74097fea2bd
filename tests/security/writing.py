"""Services that write for a person: which of them refuse, and why others need not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from base.accounts.roles import Role
from catalogue.services import create_bucket
from dedup import actions as duplicates
from dedup import checks, loop_actions
from dedup.effects import ActionRequest
from dedup.models import (
    ActionState,
    ActionVerb,
    CatalogueCheck,
    DedupAction,
    DedupGroup,
    DedupMember,
    LoopPlace,
    SharedLoop,
)
from reports import services as reports
from reports.cue_approval import SheetStep, take_step
from reports.layouts import Layout
from reports.models import SheetApproval, SheetState
from review.choices import MatchState
from review.models import Match
from review.services import applications, choosing, exclusions, licences, policies
from review.services.folding import fold_scan
from scanning.drops import services as drops
from scanning.models import Drop, RetroSearch
from scanning.services import retro
from tests.factories.accounts import make_user
from tests.factories.rules import make_licence, make_policy
from tests.factories.scanning import make_detection
from tests.registered import Table
from tests.security.world import Desk

Part = TypeVar("Part")
Service = Callable[..., Any]  # Any: services of all kinds


class Shared:
    """Rows that belong to the own desk and in part to another one."""

    def __init__(self) -> None:
        self.own, self.other = own, other_desk = Desk(1), Desk(2)
        self.user = own.user
        self.stranger = make_user(Role.ADMIN)
        self.group = DedupGroup.objects.create()
        self.loop = SharedLoop.objects.create(length_ms=5_000)
        self.search = RetroSearch.objects.create()
        for recording in (own.recording, other_desk.recording):
            DedupMember.objects.create(group=self.group, recording=recording)
            LoopPlace.objects.create(loop=self.loop, recording=recording, start_ms=0, end_ms=5_000)
            self.search.recordings.add(recording)
        self.work = own.work()
        self.work.recordings.add(other_desk.sound())
        self.template = reports.save_template(name="Weekly", layout=Layout(), user=self.stranger)
        self.action = DedupAction.objects.create(
            verb=ActionVerb.KEEP,
            title="-",
            made_by=self.user,
            asked={"recordings": [other_desk.recording.uid]},
        )
        self.policy = make_policy(user=self.stranger)
        self.licence = make_licence(
            scope="all", use_kind="account", use_values=["@own"], user=self.stranger
        )
        # What people sign, approve and hand over, with lines of the other desk.
        make_detection(
            (200_000, 230_000, 0, 30_000), scan=own.match.scan, recording=other_desk.recording
        )
        make_detection(
            (70_000, 90_000, 5_000, 25_000), scan=other_desk.match.scan, recording=own.recording
        )
        fold_scan(scan=own.match.scan)
        fold_scan(scan=other_desk.match.scan)
        Match.objects.update(state=MatchState.CONFIRMED)
        self.hidden_line = Match.objects.get(scanned_file=own.file, recording=other_desk.recording)
        self.proposal = exclusions.propose(
            recording=own.recording, interval=(5_000, 9_000), reason="other", user=self.stranger
        )
        self._parts = {part: part(self) for part in PARTS.values()}

    def part(self, kind: type[Part]) -> Part:
        """Return what a plug-in prepared."""
        return cast("Part", self._parts[kind])

    def step(self, step: SheetStep, state: SheetState) -> Callable[[], object]:
        """Return a step of the own file's sheet, which is in a state."""
        approval, _new = SheetApproval.objects.update_or_create(
            scanned_file=self.own.file, defaults={"state": state, "submitted_by": self.stranger}
        )
        return partial(
            take_step, file=self.own.file, user=self.user, step=step, version=approval.version
        )

    def done_action(self) -> DedupAction:
        """Return the action as if it was carried out."""
        DedupAction.objects.update(state=ActionState.DONE)
        return self.action


PARTS: Table[str, Callable[[Shared], object]] = Table({})
"""Rows that a plug-in prepares, of the own desk and in part of another one."""

REFUSED: Table[str, Callable[[Shared], object]] = Table(
    {
        "catalogue.services.create_bucket": lambda it: create_bucket(name="New", user=it.user),
        "dedup.actions.act_on_group": lambda it: duplicates.act_on_group(
            verb=ActionVerb.KEEP,
            group=it.group,
            user=it.user,
            version=it.group.version,
            seen=[it.own.recording.uid, it.other.recording.uid],
            selection=ActionRequest([it.own.recording.uid]),
        ),
        "dedup.actions.accept": lambda it: duplicates.accept(action=it.action, user=it.user),
        "dedup.actions.refuse": lambda it: duplicates.refuse(
            action=it.action, user=it.user, note="-"
        ),
        "dedup.actions.undo": lambda it: duplicates.undo(action=it.action, user=it.user),
        "dedup.checks.start_check": lambda it: checks.start_check(user=it.user),
        "dedup.checks.cancel_check": lambda it: checks.cancel_check(
            check=CatalogueCheck(), user=it.user
        ),
        "dedup.checks.resume_check": lambda it: checks.resume_check(
            check=CatalogueCheck(), user=it.user
        ),
        "dedup.loop_actions.exclude_everywhere": lambda it: loop_actions.exclude_everywhere(
            loop=it.loop, user=it.user
        ),
        "dedup.loop_actions.keep": lambda it: loop_actions.keep(loop=it.loop, user=it.user),
        "reports.services.delete_template": lambda it: reports.delete_template(
            template=it.template, user=it.user
        ),
        "reports.services.save_template": lambda it: reports.save_template(
            name=it.template.name, layout=Layout(), user=it.user
        ),
        "review.services.applications.undo": lambda it: applications.undo(
            rule=it.policy, act="-", user=it.user
        ),
        "review.services.choosing.answer": lambda it: choosing.answer(
            recording=it.own.recording, alternative=it.own.recording, stands=None, user=it.user
        ),
        "review.services.licences.save": lambda it: licences.save(licence=it.licence, user=it.user),
        "review.services.licences.apply": lambda it: licences.apply(
            licence=it.licence, user=it.user, reach=licences.Reach.ALL
        ),
        "review.services.licences.withdraw": lambda it: licences.withdraw(
            licence=it.licence, user=it.user, reason="-"
        ),
        "review.services.policies.save": lambda it: policies.save(policy=it.policy, user=it.user),
        "review.services.policies.switch": lambda it: policies.switch(
            policy=it.policy, user=it.user, enabled=False
        ),
        "review.services.policies.move": lambda it: policies.move(
            policy=it.policy, user=it.user, up=True
        ),
        "review.services.policies.apply": lambda it: policies.apply(policy=it.policy, user=it.user),
        "scanning.drops.services.create_drop": lambda it: drops.create_drop(
            drop=Drop(), user=it.user
        ),
        "scanning.services.retro.cancel_search": lambda it: retro.cancel_search(
            search=it.search, user=it.user
        ),
        "scanning.services.retro.resume_search": lambda it: retro.resume_search(
            search=it.search, user=it.user
        ),
    }
)


def as_refused(service: str) -> Callable[[Shared], Callable[[], object]]:
    """Return what asks a service of REFUSED."""
    return lambda it: partial(REFUSED[service], it)


SIGNED: Table[str, Callable[[Shared], Callable[[], object]]] = Table(
    {
        "submit a cue sheet": lambda it: it.step(SheetStep.SUBMIT, SheetState.DRAFT),
        "approve a cue sheet": lambda it: it.step(SheetStep.APPROVE, SheetState.SUBMITTED),
        "approve an exclusion": lambda it: partial(
            exclusions.approve, segment=it.proposal, user=it.user
        ),
        "undo a merge": lambda it: partial(duplicates.undo, action=it.done_action(), user=it.user),
        **{
            name: as_refused(service)
            for name, service in (
                ("decide about duplicates", "dedup.actions.act_on_group"),
                ("accept a merge", "dedup.actions.accept"),
                ("decide about a loop", "dedup.loop_actions.keep"),
                ("resume a search", "scanning.services.retro.resume_search"),
            )
        },
    }
)
"""What people sign, approve, hand over or take back, of which they see a part."""

# Services that share the guard of one that is tried above.
AS: Table[str, str] = Table({"dedup.actions.merge_many": "dedup.actions.act_on_group"})

ADMINS = "for admins, who have no limits"
OWN = "one's own"
READS = "reads"
EVENTS = "writes the event of a change that somebody else permits"
JOBS = "of jobs that the person may see; each kind has a service of its own"
BY_UID = "finds each row by its uid within the person's limits"
LISTED: Table[str, str] = Table(
    {
        "base.accounts.services.may_administer": READS,
        "base.accounts.tokens.create_token": OWN,
        "base.accounts.tokens.revoke_token": "one's own, or for admins",
        "base.audit.services.erase_actor": ADMINS,
        "base.audit.services.record": EVENTS,
        "base.audit.services.record_account_change": EVENTS,
        "base.audit.services.record_all": EVENTS,
        "dedup.intake.add_prepared": "as dedup.intake.add_recording, into a bucket",
        "dedup.ranges.add_from_file": "as dedup.intake.add_recording, into a bucket",
        **dict.fromkeys(
            (
                f"imports.services.{name}"
                for name in (
                    *("cancel", "change_columns", "check_undo", "keep", "keep_upload"),
                    *("make_import", "start", "try_again", "undo"),
                )
            ),
            "the import's kind refuses; plug-ins with kinds for people who see all try it",
        ),
        "imports.undoing.steps.undo_import": "undoes what services permit, step by step",
        "base.jobs.installation.declare": ADMINS,
        "base.jobs.services.begin_here": JOBS,
        "base.jobs.services.submit": JOBS,
        "base.jobs.services.try_subject_again": JOBS,
        "web.portal.accounts.erasure.erase": ADMINS,
        "web.portal.containers.views.after_change": ADMINS,
        "web.portal.jobs.services.cancel": JOBS,
        "web.portal.jobs.services.try_again": JOBS,
        "web.portal.search.lookup.find": READS,
        **dict.fromkeys(
            (
                "reports.cue_entries.enter",
                "reports.cue_entries.remove",
                "reports.cue_entries.say_use",
                "reports.cue_edits.say_uses",
            ),
            "of a file that the person may see",
        ),
        **dict.fromkeys(
            (f"reports.cue_edits.{name}" for name in ("merge", "move", "split", "take_back")),
            "refuses people who may not see every bucket",
        ),
        "review.programmes.services.set_uses": BY_UID,
        "reports.cue_approval.take_step": "tried in SIGNED",
        **dict.fromkeys(
            ("reports.cue_statement.hand_out_draft", "statements.services.hand_out"), EVENTS
        ),
        "reports.cue_statement.issue_version": "of a step, or of a sheet without hidden lines",
        "reports.scheduling.plan": OWN,
        "reports.scheduling.change_schedule": OWN,
        "reports.scheduling.end_schedule": OWN,
        "reports.scheduling.run_now": OWN,
        "reports.scheduling.schedule_report": OWN,
        "reports.scheduling.schedules_for": READS,
        "reports.scheduling.send_again": "sends what its owner may see, to their addresses",
        "reports.selectors.runs_for": READS,
        "reports.services.build_report": OWN,
        "reports.services.request_report": OWN,
        "reports.services.stream_report": OWN,
        "reports.summaries.stream_summary": READS,
        "review.decisions.assignment.bulk_assign": BY_UID,
        "review.decisions.decide.decide": BY_UID,
        "review.decisions.undo.may_undo": READS,
        "review.services.choosing.follow": "rules act for everybody",
        "review.services.choosing.note_recordings": "rules act for everybody",
        "review.services.grounds.follow_recordings": "rules act for everybody",
        "review.services.grounds.note_recordings": "rules act for everybody",
        "review.services.parting.take_back": "the undo of a merge permits it",
        "review.services.saved_views.remove": OWN,
        "review.services.transitions.never_make": "refuses the person's own decision",
        "review.services.saved_views.save": OWN,
        "review.services.saved_views.switch_default": OWN,
        "statements.services.advance": "its kind's own service permits it",
        "statements.services.issue": "its kind's own service permits it",
        "statements.services.record_download": EVENTS,
        "statements.services.keep": "refuses whoever may not see all that differs",
        "statements.services.withdraw": "its kind's own service permits it",
        "scanning.repeating.run_soon": "of a watch or drop; each service asks for the row",
        "scanning.services.cloud.adopt_container": ADMINS,
        "scanning.services.cloud.mirror_container": ADMINS,
        "scanning.services.cloud.save_account": ADMINS,
        "scanning.services.identification.revoke_project": ADMINS,
    }
)
