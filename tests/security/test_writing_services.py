"""Every service that writes for a person: limited by its objects, refused, or listed."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from importlib import import_module
from typing import Any, get_args, get_type_hints

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.db.models import Model

from accounts.models import User
from accounts.reach import working_for
from accounts.roles import Role
from catalogue.services import create_bucket
from common.words import own_apps
from dedup import actions as duplicates
from dedup import checks, loop_actions
from dedup.effects import ActionRequest
from dedup.errors import ActionRefused
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
from imports import services as imports
from imports.moving.kind import MOVES
from imports.rights.kind import RIGHTS
from monitoring.broadcasts import services as broadcasts
from monitoring.broadcasts.choices import RightsType
from monitoring.broadcasts.values import AudienceValues, RevenueValues
from monitoring.declarations import services as declarations
from monitoring.streams import services as streams
from monitoring.streams.errors import StreamRefused
from monitoring.unknown import actions as unknown
from monitoring.unknown.errors import ItemRefused
from monitoring.unknown.models import IgnoreReason
from notices import services as notices
from notices import signing
from notices.errors import NoticeRefused
from notices.models import NoticeItem, NoticeState, TakedownNotice
from notices.services import Sending
from platforms import files as claim_files
from platforms import services as claims
from platforms.choices import Platform
from platforms.models import ReportedValue
from programmes.errors import ProgrammeRefused
from reports import services as reports
from reports.cue_approval import SheetStep, take_step
from reports.cue_entries import SheetRefused
from reports.layouts import Layout
from reports.models import SheetApproval, SheetState
from reports.services import NameTaken
from review.choices import MatchState
from review.errors import NotAllowed
from review.models import Licence, Match, Policy
from review.services import applications, choosing, exclusions, licences, policies
from review.services.folding import fold_scan
from rights.actions import parts, records
from rights.choices import TitleKind
from rights.errors import RightsRefused
from scanning.drops import services as drops
from scanning.models import CloudAccount, Drop, RetroSearch
from scanning.services import retro
from tests.factories.accounts import make_user
from tests.factories.notices import TYPED
from tests.factories.recurring import OccurrenceFactory
from tests.factories.rules import make_licence, make_policy
from tests.factories.scanning import make_detection
from tests.factories.streams import StreamFactory
from tests.security.admin_screens import SCREENS
from tests.security.test_admin import watched
from tests.security.world import Desk, declaration, declared

pytestmark = pytest.mark.django_db

# The settings' package has no services, and a module that sets the environment.
_PACKAGES = [config for config in own_apps() if config.name != "acrportal"]
_PERSON = {"user", "actor", "owner"}
Service = Callable[..., Any]  # Any: services of all kinds


def _services() -> Iterator[tuple[str, Service]]:
    """Yield the keyword-only functions that act for a person, by dotted name."""
    for package in _PACKAGES:
        for found in pkgutil.walk_packages([package.path], f"{package.name}."):
            if ".migrations" in found.name or ".management" in found.name:
                continue
            for name, value in vars(import_module(found.name)).items():
                is_own = inspect.isfunction(value) and value.__module__ == found.name
                if is_own and not name.startswith("_") and _acts_for_one(value):
                    yield f"{found.name}.{name}", value


def _acts_for_one(function: Service) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(
        each.kind is each.KEYWORD_ONLY and each.name in _PERSON for each in parameters
    )


def _models_of(function: Service) -> set[type[Model]]:
    """Return the models that a service takes rows of, without its people."""
    hints = get_type_hints(inspect.unwrap(function))
    hints.pop("return", None)
    return {model for hint in hints.values() for model in _models_in(hint)} - {User}


def _models_in(hint: object) -> Iterator[type[Model]]:
    if isinstance(hint, type) and issubclass(hint, Model):
        yield hint
    for part in get_args(hint):
        yield from _models_in(part)


SERVICES = dict(_services())

# --- What others share: refused to people who may not see all that belongs to it ---------


class Shared:
    """Rows that belong to the own desk and in part to another one."""

    def __init__(self) -> None:
        self.own, self.other = own, other = Desk(1), Desk(2)
        self.user = own.user
        self.stranger = make_user(Role.ADMIN)
        self.station = own.stream().station
        StreamFactory.create(station=self.station, container=other.container)
        self.group = DedupGroup.objects.create()
        self.loop = SharedLoop.objects.create(length_ms=5_000)
        self.search = RetroSearch.objects.create()
        for recording in (own.recording, other.recording):
            DedupMember.objects.create(group=self.group, recording=recording)
            LoopPlace.objects.create(
                loop=self.loop, recording=recording, start_ms=0, end_ms=5_000
            )
            self.search.recordings.add(recording)
        self.item = own.unknown_item()
        OccurrenceFactory.create(
            item=self.item, file__scanned_file__container=other.container
        )
        self.work = own.work()
        self.work.recordings.add(other.sound())
        self.declared = declaration(self.stranger)
        self.template = reports.save_template(
            name="Weekly", layout=Layout(), user=self.stranger
        )
        self.action = DedupAction.objects.create(
            verb=ActionVerb.KEEP,
            title="-",
            made_by=self.user,
            asked={"recordings": [other.recording.uid]},
        )
        self.policy = make_policy(user=self.stranger)
        self.licence = make_licence(
            scope="all", use_kind="account", use_values=["@own"], user=self.stranger
        )
        self.rights_import = other.rights_import()
        self.asset = own.platform_claim().asset
        self.claim_file = own.claim_file()
        self.value = ReportedValue.objects.create(platform="youtube", value="-")
        # What people sign, approve and hand over, with lines of the other desk.
        make_detection(
            (200_000, 230_000, 0, 30_000),
            scan=own.match.scan,
            recording=other.recording,
        )
        make_detection(
            (70_000, 90_000, 5_000, 25_000),
            scan=other.match.scan,
            recording=own.recording,
        )
        fold_scan(scan=own.match.scan)
        fold_scan(scan=other.match.scan)
        Match.objects.update(state=MatchState.CONFIRMED)
        self.hidden_line = Match.objects.get(
            scanned_file=own.file, recording=other.recording
        )
        self.proposal = exclusions.propose(
            recording=own.recording,
            interval=(5_000, 9_000),
            reason="other",
            user=self.stranger,
        )
        self.notice = own.notice()
        NoticeItem.objects.create(
            notice=self.notice,
            match=self.hidden_line,
            match_uid=self.hidden_line.uid,
            url="https://video.example/2",
        )
        self.declaration = declared(self.hidden_line, self.user)

    def step(self, step: SheetStep, state: SheetState) -> Callable[[], object]:
        """Return a step of the own file's sheet, which is in a state."""
        approval, _new = SheetApproval.objects.update_or_create(
            scanned_file=self.own.file,
            defaults={"state": state, "submitted_by": self.stranger},
        )
        return partial(
            take_step,
            file=self.own.file,
            user=self.user,
            step=step,
            version=approval.version,
        )

    def done_action(self) -> DedupAction:
        """Return the action as if it was carried out."""
        DedupAction.objects.update(state=ActionState.DONE)
        return self.action

    def notice_in(self, state: NoticeState) -> dict[str, Any]:  # Any: arguments
        """Return who acts on which version of the notice, in a state."""
        TakedownNotice.objects.filter(pk=self.notice.pk).update(
            **(_SIGNATURE if state in _SIGNED_STATES else {}), state=state
        )
        return {
            "notice": self.notice,
            "version": self.notice.version,
            "user": self.user,
        }


_JANUARY = date(2026, 1, 1)
_SIGNED_STATES = (NoticeState.SIGNED, NoticeState.SENT)
_SIGNATURE: dict[str, object] = {
    "number": 1,
    "year": 2026,
    "signed_at": datetime(2026, 1, 1, tzinfo=UTC),
    "sent_at": datetime(2026, 1, 1, tzinfo=UTC),
    "pdf": "notice.pdf",
    "signature": "A. Muster",
}

REFUSED: dict[str, Callable[[Shared], object]] = {
    "monitoring.streams.services.change_station": lambda it: streams.change_station(
        station=it.station, user=it.user, name="Other"
    ),
    "monitoring.streams.services.ban_recording": lambda it: streams.ban_recording(
        station=it.station, recording=it.own.recording, user=it.user
    ),
    "monitoring.streams.services.unban_recording": lambda it: streams.unban_recording(
        station=it.station, recording=it.own.recording, user=it.user
    ),
    "monitoring.broadcasts.services.set_audience": lambda it: broadcasts.set_audience(
        station=it.station,
        values=AudienceValues(listeners=1),
        month=_JANUARY,
        user=it.user,
    ),
    "monitoring.broadcasts.services.set_hours": lambda it: broadcasts.set_hours(
        station=it.station,
        listeners={datetime(2026, 1, 1, tzinfo=UTC): 1},
        user=it.user,
    ),
    "monitoring.broadcasts.services.set_revenue": lambda it: broadcasts.set_revenue(
        station=it.station,
        month=_JANUARY,
        rights_type=RightsType.PERFORMING,
        values=RevenueValues(),
        user=it.user,
    ),
    "catalogue.services.create_bucket": lambda it: create_bucket(
        name="New", user=it.user
    ),
    "dedup.actions.act_on_group": lambda it: duplicates.act_on_group(
        verb=ActionVerb.KEEP,
        group=it.group,
        user=it.user,
        version=it.group.version,
        seen=[it.own.recording.uid, it.other.recording.uid],
        asked=ActionRequest([it.own.recording.uid]),
    ),
    "dedup.actions.accept": lambda it: duplicates.accept(
        action=it.action, user=it.user
    ),
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
    "imports.services.keep_upload": lambda it: imports.keep_upload(
        RIGHTS, file=ContentFile(b"-", name="a"), sender="", encoding="", user=it.user
    ),
    "imports.services.make_import": lambda it: imports.make_import(
        MOVES,
        account=CloudAccount(name="Console"),
        parts=[],
        since=_JANUARY,
        user=it.user,
    ),
    "platforms.files.mark_sent": lambda it: claim_files.mark_sent(
        file=it.claim_file, user=it.user
    ),
    "platforms.services.find_account": lambda it: claims.find_account(
        platform=Platform.YOUTUBE, name="-", user=it.user
    ),
    "platforms.services.link_asset": lambda it: claims.link_asset(
        asset=it.asset, recording=it.own.recording, user=it.user
    ),
    "platforms.services.explain_value": lambda it: claims.explain_value(
        value=it.value, meaning="other", user=it.user
    ),
    "imports.services.start": lambda it: imports.start(
        one=it.rights_import, user=it.user
    ),
    "imports.services.try_again": lambda it: imports.try_again(
        one=it.rights_import, user=it.user
    ),
    "imports.services.cancel": lambda it: imports.cancel(
        one=it.rights_import, user=it.user
    ),
    "monitoring.unknown.actions.watch_items": lambda it: unknown.watch_items(
        items=[it.item], user=it.user, on=True
    ),
    "monitoring.unknown.actions.ignore_items": lambda it: unknown.ignore_items(
        items=[it.item], user=it.user, reason=IgnoreReason.JINGLE
    ),
    "reports.services.delete_template": lambda it: reports.delete_template(
        template=it.template, user=it.user
    ),
    "reports.services.save_template": lambda it: reports.save_template(
        name=it.template.name, layout=Layout(), user=it.user
    ),
    "monitoring.declarations.services.save_profile": (
        lambda it: declarations.save_profile(
            profile=it.declared.profile, stations=[it.station], user=it.user
        )
    ),
    "monitoring.declarations.services.delete_profile": (
        lambda it: declarations.delete_profile(
            profile=it.declared.profile, user=it.user
        )
    ),
    "review.services.applications.undo": lambda it: applications.undo(
        rule=it.policy, act="-", user=it.user
    ),
    "review.services.choosing.answer": lambda it: choosing.answer(
        one=it.own.recording, other=it.own.recording, stands=None, user=it.user
    ),
    "review.services.licences.save": lambda it: licences.save(
        licence=it.licence, user=it.user
    ),
    "review.services.licences.apply": lambda it: licences.apply(
        licence=it.licence, user=it.user, reach=licences.Reach.ALL
    ),
    "review.services.licences.withdraw": lambda it: licences.withdraw(
        licence=it.licence, user=it.user, reason="-"
    ),
    "review.services.policies.save": lambda it: policies.save(
        policy=it.policy, user=it.user
    ),
    "review.services.policies.switch": lambda it: policies.switch(
        policy=it.policy, user=it.user, enabled=False
    ),
    "review.services.policies.move": lambda it: policies.move(
        policy=it.policy, user=it.user, up=True
    ),
    "review.services.policies.apply": lambda it: policies.apply(
        policy=it.policy, user=it.user
    ),
    "rights.actions.parts.add_title": lambda it: parts.add_title(
        work=it.work, user=it.user, text="-", kind=TitleKind.ALTERNATIVE
    ),
    "rights.actions.records.edit": lambda it: records.edit(
        record=it.work, user=it.user, revision=it.work.revision, values={"title": "-"}
    ),
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

SIGNED: dict[str, Callable[[Shared], Callable[[], object]]] = {
    "submit a cue sheet": lambda it: it.step(SheetStep.SUBMIT, SheetState.DRAFT),
    "approve a cue sheet": lambda it: it.step(SheetStep.APPROVE, SheetState.SUBMITTED),
    "submit a notice": lambda it: partial(
        notices.submit, **it.notice_in(NoticeState.DRAFT)
    ),
    "sign a notice": lambda it: partial(
        signing.sign, **it.notice_in(NoticeState.REVIEW), signing=TYPED
    ),
    "send a notice": lambda it: partial(
        notices.mark_sent,
        **it.notice_in(NoticeState.SIGNED),
        sending=Sending(at=datetime(2026, 1, 1, tzinfo=UTC), to="-", how="-"),
    ),
    "withdraw a notice": lambda it: partial(
        notices.withdraw, **it.notice_in(NoticeState.SENT), why="-"
    ),
    "approve an exclusion": lambda it: partial(
        exclusions.approve, segment=it.proposal, user=it.user
    ),
    "download a declaration": lambda it: partial(
        declarations.download, declaration=it.declaration, user=it.user
    ),
    "undo a merge": lambda it: partial(
        duplicates.undo, action=it.done_action(), user=it.user
    ),
    **{
        name: partial(partial, REFUSED[service])
        for name, service in (
            ("decide about duplicates", "dedup.actions.act_on_group"),
            ("accept a merge", "dedup.actions.accept"),
            ("decide about a loop", "dedup.loop_actions.keep"),
            ("change a work", "rights.actions.records.edit"),
            ("ignore a sound", "monitoring.unknown.actions.ignore_items"),
            ("resume a search", "scanning.services.retro.resume_search"),
        )
    },
}
"""What people sign, approve, hand over or take back, of which they see a part."""

_ERRORS = (
    *(ActionRefused, ProgrammeRefused, ItemRefused, NameTaken, PermissionDenied),
    *(RightsRefused, StreamRefused, SheetRefused, NoticeRefused, NotAllowed),
)
_WHY = re.compile(r"(may not|cannot) see|already has a template")


def test_a_limited_person_changes_nothing_that_others_share() -> None:
    shared = Shared()
    faults = []

    for name, service in REFUSED.items():
        with working_for(shared.user), watched() as written:
            try:
                service(shared)
                why = "it was not refused"
            except _ERRORS as refused:
                why = getattr(refused, "message", "") or str(refused)
        if written or not _WHY.search(why):
            faults.append(f"{name}: {why}, and writes {written}")

    assert not faults, "\n".join(faults)


def test_nobody_signs_what_they_cannot_read_and_learns_how_much_that_is() -> None:
    shared, faults = Shared(), []
    hidden = shared.other.recording.title

    for name, sign in SIGNED.items():
        with working_for(None):
            signature = sign(shared)
        with working_for(shared.user), watched() as written:
            try:
                signature()
                why = "it was not refused"
            except _ERRORS as refused:
                why = getattr(refused, "message", "") or str(refused)
        is_said = re.search(r"\b[1-9]\d* parts? of it .*Ask an admin", why)
        if not is_said or hidden in why or written:
            faults.append(f"{name}: {why}, and writes {written}")

    assert not faults, "\n".join(faults)


# --- The rest ---------------------------------------------------------------------------

# Services that share the guard of one that is tried above.
AS = {
    "dedup.actions.merge_many": "dedup.actions.act_on_group",
    "imports.services.change_columns": "imports.services.start",
    "imports.services.check_undo": "imports.services.start",
    "imports.services.take_over_callback": "imports.services.make_import",
    "imports.services.keep": "imports.services.start",
    "imports.services.undo": "imports.services.start",
    "platforms.files.unmark_sent": "platforms.files.mark_sent",
    "platforms.files.withdraw": "platforms.files.mark_sent",
    **dict.fromkeys(
        (
            *(
                "monitoring.unknown.actions.alias_item",
                "monitoring.unknown.actions.merge_items",
            ),
            *(
                "monitoring.unknown.actions.name_item",
                "monitoring.unknown.actions.split_item",
            ),
            *("monitoring.unknown.actions.undo", "monitoring.unknown.actions.why_not"),
        ),
        "monitoring.unknown.actions.watch_items",
    ),
    **dict.fromkeys(
        (
            "rights.actions.base.why_not",
            "rights.actions.conflicts.reopen",
            "rights.actions.conflicts.settle",
            "rights.actions.conflicts.settle_many",
            "rights.actions.merging.merge_parties",
            "rights.actions.merging.merge_works",
            "rights.actions.merging.split_work",
            "rights.actions.parts.add_share",
            "rights.actions.parts.link_recording",
            "rights.actions.parts.remove_share",
            "rights.actions.parts.unlink_recording",
            "rights.actions.undoing.undo",
        ),
        "rights.actions.records.edit",
    ),
}

_ADMINS = "for admins, who have no limits"
_OWN = "one's own"
_READS = "reads"
_EVENTS = "writes the event of a change that somebody else permits"
_NOTICE = "of a notice whose matches the person may all see: notices.selectors"
_JOBS = "of jobs that the person may see; each kind has a service of its own"
_BY_UID = "finds each row by its uid within the person's limits"
LISTED = {
    "accounts.services.may_administer": _READS,
    "accounts.tokens.create_token": _OWN,
    "accounts.tokens.revoke_token": "one's own, or for admins",
    "audit.services.erase_actor": _ADMINS,
    "audit.services.record": _EVENTS,
    "audit.services.record_account_change": _EVENTS,
    "audit.services.record_all": _EVENTS,
    "monitoring.broadcasts.services.add_broadcast": "of a file; changes nothing of the station",
    "monitoring.broadcasts.services.change_broadcast": "as add_broadcast",
    "dedup.intake.add_prepared": "as dedup.intake.add_recording, into a bucket",
    "dedup.ranges.add_from_file": "as dedup.intake.add_recording, into a bucket",
    "enrichment.deciding.apply_act": _BY_UID,
    "enrichment.deciding.undo_act": _BY_UID,
    "enrichment.sources.add_list": _ADMINS,
    "enrichment.sources.add_source": _ADMINS,
    "enrichment.sources.delete_source": _ADMINS,
    "imports.undoing.walk.undo_import": "undoes what services permit, step by step",
    "jobs.installation.declare": _ADMINS,
    "jobs.services.begin_here": _JOBS,
    "jobs.services.submit": _JOBS,
    "jobs.services.try_subject_again": _JOBS,
    "platforms.files.make_files": _BY_UID,
    **dict.fromkeys(
        ("platforms.answers.answer_rows", "platforms.answers.take_back"),
        "of an import, which limited people cannot begin",
    ),
    "platforms.services.dismiss": _BY_UID,
    "platforms.services.enter_dispute_day": "of a claim that the person may see",
    "platforms.services.reopen": _BY_UID,
    "portal.accounts.erasure.erase": _ADMINS,
    "portal.containers.views.after_change": _ADMINS,
    "portal.jobs.services.cancel": _JOBS,
    "portal.jobs.services.try_again": _JOBS,
    "portal.search.finding.find": _READS,
    "portal.unknown.page.item_context": _READS,
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
        (
            f"reports.cue_edits.{name}"
            for name in ("merge", "move", "split", "take_back")
        ),
        "refuses people who may not see every bucket",
    ),
    "programmes.services.set_uses": _BY_UID,
    "reports.cue_approval.take_step": "tried in SIGNED",
    **dict.fromkeys(
        (
            "reports.cue_statement.hand_out_draft",
            *("statements.services.hand_out", "statements.services.record_download"),
        ),
        _EVENTS,
    ),
    "reports.cue_statement.issue_version": "of a step, or of a sheet without hidden lines",
    "monitoring.declarations.services.draft": _OWN,
    **dict.fromkeys(
        (
            *("notices.answers.answer", "notices.signing.sign"),
            *(
                f"notices.services.{name}"
                for name in (
                    *("ask_for_evidence", "fill", "give_back", "mark_sent"),
                    *("record_download", "submit", "take_out", "withdraw"),
                )
            ),
        ),
        _NOTICE,
    ),
    "reports.rights_table.as_csv": _READS,
    "reports.scheduling.as_planned": _OWN,
    "reports.scheduling.change_schedule": _OWN,
    "reports.scheduling.end_schedule": _OWN,
    "reports.scheduling.run_now": _OWN,
    "reports.scheduling.schedule_report": _OWN,
    "reports.scheduling.schedules_for": _READS,
    "reports.scheduling.send_again": "sends what its owner may see, to their addresses",
    "reports.selectors.runs_for": _READS,
    "reports.services.build_report": _OWN,
    "reports.services.request_report": _OWN,
    "reports.services.stream_report": _OWN,
    "reports.summaries.stream_summary": _READS,
    "reports.trials.services.begin_trial": _ADMINS,
    "reports.trials.services.compare_now": _ADMINS,
    "reports.trials.services.end_trial": _ADMINS,
    "reports.trials.services.judge": _BY_UID,
    "review.decisions.assignment.bulk_assign": _BY_UID,
    "review.decisions.decide.decide": _BY_UID,
    "review.decisions.undo.may_undo": _READS,
    "review.services.choosing.follow": "rules act for everybody",
    "review.services.choosing.note_recordings": "rules act for everybody",
    "review.services.grounds.follow_recordings": "rules act for everybody",
    "review.services.grounds.note_recordings": "rules act for everybody",
    "review.services.joining.take_back": "the undo of a merge permits it",
    "review.services.saved_views.remove": _OWN,
    "review.services.transitions.never_make": "refuses the person's own decision",
    "review.services.saved_views.save": _OWN,
    "review.services.saved_views.switch_default": _OWN,
    "rights.actions.records.create": "a record that nothing belongs to yet",
    "rights.filling.fill_catalogue": "follows a change that somebody else permits",
    "rights.filling.fill_recordings": "follows a change that somebody else permits",
    "rights.services.apply_claims": "of an import, which limited people cannot begin",
    "rights.services.follow": "follows a change that somebody else permits",
    "statements.services.advance": "its kind's own service permits it",
    "statements.services.issue": "its kind's own service permits it",
    "statements.services.keep": "refuses whoever may not see all that differs",
    "statements.services.withdraw": "its kind's own service permits it",
    "scanning.repeating.run_soon": "of a watch or drop; each service asks for the row",
    "scanning.services.cloud.adopt_container": _ADMINS,
    "scanning.services.cloud.mirror_container": _ADMINS,
    "scanning.services.cloud.save_account": _ADMINS,
    "scanning.services.identification.revoke_project": _ADMINS,
    "monitoring.streams.services.add_station": "a station that nothing belongs to yet",
    "monitoring.streams.services.add_stream": "in a container; changes nothing of the station",
}

# Visible rules can act on hidden matches.
_ACT_ON_ALL = {Licence, Policy}


def _reach_of(function: Service) -> set[type[Model]]:
    """Return the models that limit a service; none if one of its models does not."""
    models = _models_of(function)
    limit = all(hasattr(model, "reach") for model in models - _ACT_ON_ALL)
    return models if limit else set()


def test_every_service_is_limited_or_says_why_not() -> None:
    limited = {name for name, function in SERVICES.items() if _reach_of(function)}
    known = limited | REFUSED.keys() | AS.keys() | LISTED.keys()

    assert len(SERVICES) > 200
    assert not SERVICES.keys() - known, (
        "Let the service refuse people who may not see all of it, with a try in REFUSED, "
        "or say in LISTED why it need not."
    )
    assert not (REFUSED.keys() | AS.keys() | LISTED.keys()) - SERVICES.keys()
    assert set(AS.values()) <= REFUSED.keys()


def test_a_limited_person_finds_no_row_of_another_desk() -> None:
    models = {model for each in SERVICES.values() for model in _reach_of(each)}
    own, other = Desk(1), Desk(2)
    rows = [
        SCREENS[model._meta.label].row(other)
        for model in models
        if model._meta.label in SCREENS
    ]

    with working_for(own.user):
        seen = [row for row in rows if _is_found(row)]

    assert len(rows) > 20
    assert not seen


def _is_found(row: Model) -> bool:
    return type(row)._default_manager.filter(pk=row.pk).exists()
