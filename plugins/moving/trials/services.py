"""Begins, judges and ends trials."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, Model
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import refuse_limited
from base.accounts.roles import Action
from base.common.uid import new_uid
from base.jobs.services import submit
from plugins.moving.jobs import TRIAL
from plugins.moving.models import EngineTrial, Judgement, TrialKeeps, TrialRow, TrialState
from plugins.moving.trials import selectors
from plugins.moving.trials.errors import TrialRefused
from plugins.moving.trials.figures import TrialFigures, figures_of
from plugins.moving.trials.places import places, uids_of
from review.choices import WAITING_STATES, RejectCode, Verb
from review.decisions.decide import decide_one
from review.decisions.verbs import Decision
from review.models import Match
from review.services.transitions import require
from scanning.choices import EngineChoice
from scanning.models import CloudAccount, Container
from scanning.services.cloud import set_terms

_ENGINES: Final = {
    TrialKeeps.BOTH: EngineChoice.BOTH,
    TrialKeeps.OURS: EngineChoice.EMBEDDED,
    TrialKeeps.THEIRS: EngineChoice.ACRCLOUD,
}


@dataclass(frozen=True, slots=True)
class TrialTerms:
    """How long a trial runs, how much each container may send a month, and what it costs.

    Without ``sends_files``, programs send the files to the account themselves.
    """

    weeks: int
    cap_hours: int | None = None
    price_per_hour: Decimal | None = None
    currency: str = ""
    sends_files: bool = True


def begin_trial(
    *,
    account: CloudAccount,
    containers: Sequence[Container],
    streams: Sequence[Model] = (),
    terms: TrialTerms,
    user: User,
) -> EngineTrial:
    """Have both engines scan what comes into the containers from now on.

    Of the streams, which both hear anyway, the plays are compared day by day.
    """
    require(user, Action.CONFIGURE, why=_("Only admins run both engines."))
    refuse_limited(user)
    if not (containers or streams):
        raise TrialRefused(_("Choose containers or streams."))
    for place in places:
        place.refuse(account, streams)
    for container in containers:
        if container.cloud_account_id != account.pk or container.cloud_container_id is None:
            raise TrialRefused(
                _("%(name)s is not connected to a container of this account.")
                % {"name": container.name}
            )
    now = datetime.now(tz=UTC)
    with transaction.atomic():
        # Locked, so that two requests at once do not begin two trials.
        CloudAccount.objects.select_for_update().get(pk=account.pk)
        busy = Container.objects.filter(
            pk__in=[container.pk for container in containers], trials__state=TrialState.RUNNING
        ).first()
        if busy is not None:
            raise TrialRefused(
                _("%(name)s is in a trial already. End it first.") % {"name": busy.name}
            )
        for place in places:
            place.refuse_busy(streams)
        trial = EngineTrial.objects.create(
            account=account,
            sends_files=terms.sends_files,
            begins_at=now,
            ends_at=now + timedelta(weeks=terms.weeks),
            price_per_hour=terms.price_per_hour,
            currency=terms.currency,
            seed=new_uid("seed"),
            made_by=user,
        )
        trial.containers.set(containers)
        for place in places:
            place.add(trial, streams)
        for container in containers if terms.sends_files else ():
            set_terms(
                container=container, engine=EngineChoice.BOTH, cap_hours=terms.cap_hours, user=user
            )
        _record(trial, "trial.begun", user, {"weeks": terms.weeks})
        submit(TRIAL, trial)
    return trial


def compare_now(*, trial: EngineTrial, user: User) -> None:
    """Compare what has come since the last time."""
    require(user, Action.CONFIGURE, why=_("Only admins run both engines."))
    refuse_limited(user)
    submit(TRIAL, trial, user=user, person_waits=True)


def judge(*, row: TrialRow, judgement: Judgement, version: int, user: User) -> None:
    """Store what a person heard, and decide the match if it still waits.

    Raises ``TrialRefused``, or the ``ReviewError`` that refuses the decision.
    """
    require(user, Action.DECIDE, why=_("Your role may view matches but not decide them."))
    with transaction.atomic():
        trial = EngineTrial.objects.select_for_update().get(pk=row.file.trial_id)
        if trial.state != TrialState.RUNNING:
            raise TrialRefused(_("The trial has ended; nothing was saved."))
        changed = TrialRow.objects.filter(pk=row.pk, judged="").update(
            judged=judgement, judged_by=user, judged_at=datetime.now(tz=UTC)
        )
        if not changed:
            raise TrialRefused(
                _("Somebody else has judged this meanwhile, or it was compared again.")
            )
        match = row.match
        if match is not None and match.state in WAITING_STATES:
            _decide(match, judgement, version, user)
        base.audit.services.record(
            case=trial.case,
            action="trial.judged",
            actor=user,
            after={
                "file": str(row.file.scanned_file.uid),
                "recording": row.recording.uid,
                "judged": judgement.value,
            },
        )


def _decide(match: Match, judgement: Judgement, version: int, user: User) -> None:
    decision = (
        Decision(Verb.CONFIRM)
        if judgement == Judgement.HEARD
        else Decision(Verb.REJECT, code=RejectCode.WRONG_RECORDING)
    )
    decide_one(match=match, version=version, decision=decision, user=user)


def end_trial(*, trial: EngineTrial, keeps: TrialKeeps, user: User) -> EngineTrial:
    """Write the report, and let the containers be scanned by what is kept."""
    require(user, Action.CONFIGURE, why=_("Only admins run both engines."))
    refuse_limited(user)
    with transaction.atomic():
        trial = EngineTrial.objects.select_for_update().get(pk=trial.pk)
        if trial.state != TrialState.RUNNING:
            raise TrialRefused(_("The trial has ended already."))
        trial.state, trial.keeps = TrialState.ENDED, keeps
        trial.ended_at = datetime.now(tz=UTC)
        trial.save(update_fields=["state", "keeps", "ended_at"])
        trial.report = report_text(trial)
        trial.save(update_fields=["report"])
        for container in trial.containers.all() if trial.sends_files else ():
            set_terms(
                container=container,
                engine=_ENGINES[keeps],
                cap_hours=container.cloud_cap_hours,
                user=user,
            )
        _record(trial, "trial.ended", user, {"keeps": keeps.value})
    return trial


def read_figures(trial: EngineTrial) -> TrialFigures:
    """Return the figures of a trial as its rows are now."""
    rows = selectors.rows_of(trial).order_by().values_list("kind", "judged", "sampled")
    return figures_of(rows.annotate(Count("pk")))


def savings(trial: EngineTrial) -> Decimal | None:
    """Return what the files of the trial cost at ACRCloud; None without a price."""
    if trial.price_per_hour is None:
        return None
    hours = selectors.compared_in(trial).hours
    return (hours * trial.price_per_hour).quantize(Decimal(1))


def report_text(trial: EngineTrial) -> str:
    """Return a trial's report, in English; of an ended trial always the same bytes."""
    saved, edges = savings(trial), selectors.edge_distances(trial)
    content: dict[str, Any] = {  # Any: JSON
        "trial": trial.uid,
        # Ids, because names may change after the end.
        "account": trial.account_id,
        "begins_at": trial.begins_at.isoformat(),
        "ends_at": trial.ends_at.isoformat(),
        "ended_at": trial.ended_at.isoformat() if trial.ended_at else None,
        "containers": sorted(trial.containers.values_list("pk", flat=True)),
        "streams": sorted(uids_of(trial)),
        "keeps": trial.keeps,
        "seed": trial.seed,
        "compared": asdict(selectors.compared_in(trial)),
        "edges": asdict(edges) if edges else None,
        "figures": asdict(read_figures(trial)),
        "saved": None if saved is None else f"{saved} {trial.currency}".strip(),
    }
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _record(trial: EngineTrial, action: str, user: User, details: dict[str, object]) -> None:
    containers = trial.containers.order_by("pk")
    base.audit.services.record(
        case=trial.case,
        action=action,
        actor=user,
        after={
            "account": trial.account.name,
            "containers": list(containers.values_list("pk", flat=True)),
            "cloud_containers": list(containers.values_list("cloud_container_id", flat=True)),
            "streams": uids_of(trial),
            **details,
        },
    )
