"""Compares what has come in running trials, and draws what people judge."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from django.db import transaction
from django.db.models import Q

from base.jobs.context import JobContext
from base.jobs.errors import Retry
from base.jobs.services import submit
from plugins.moving.jobs import TRIAL
from plugins.moving.models import EngineTrial, TrialKind, TrialState
from plugins.moving.trials.comparing import compare_files, still_runs
from plugins.moving.trials.figures import sample_size
from plugins.moving.trials.places import places
from plugins.moving.trials.reading import compare_files_there
from plugins.moving.trials.selectors import known_to, rows_of
from scanning.engines.acrcloud import Cloud
from scanning.engines.cloud_faults import CloudFault
from scanning.models import ScannedFile

_FILES_AT_ONCE: Final = 200


def plan() -> None:
    """Ask for the comparison of all running trials."""
    for trial in EngineTrial.objects.filter(state=TrialState.RUNNING):
        submit(TRIAL, trial)


def run(context: JobContext) -> None:
    """Compare what is new in a trial."""
    trial = context.subject
    if trial.state != TrialState.RUNNING:
        return
    began = datetime.now(tz=UTC)
    _read_buckets(trial)
    # Counting takes seconds for a million recordings, which no page may wait for.
    trial.known = asdict(known_to(trial))
    trial.save(update_fields=["known"])
    files = ScannedFile.objects.present().filter(
        container__in=trial.containers.all(),
        created_at__gte=trial.begins_at,
        created_at__lt=trial.ends_at,
    )
    keys = list(files.order_by("pk").values_list("pk", flat=True))
    for first in range(0, len(keys), _FILES_AT_ONCE):
        context.report(first / len(keys))
        compare_files(trial, keys[first : first + _FILES_AT_ONCE], context)
    if not trial.sends_files:
        compare_files_there(trial, context)
    for place in places:
        place.compare(trial, context)
    draw_sample(trial)
    EngineTrial.objects.filter(pk=trial.pk).update(compared_at=began)


def draw_sample(trial: EngineTrial) -> None:
    """Choose the agreements that people judge: those with the least draws."""
    agreed = rows_of(trial).filter(kind=TrialKind.BOTH).order_by("draw", "pk")
    with transaction.atomic():
        if not still_runs(trial):
            return
        size = sample_size(agreed.count())
        last = agreed[size - 1] if size else None
        if last is None:
            return
        chosen = Q(draw__lt=last.draw) | Q(draw=last.draw, pk__lte=last.pk)
        rows = agreed.order_by()
        rows.filter(chosen, sampled=False).update(sampled=True)
        rows.filter(sampled=True).exclude(chosen).update(sampled=False)


def _read_buckets(trial: EngineTrial) -> None:
    """Ask the account which of its buckets each container and stream searches."""
    cloud = Cloud(trial.account)
    try:
        containers_there = {there.id: there for there in cloud.containers()}
        elsewhere = [place.buckets(trial, cloud) for place in places]
    except CloudFault as fault:
        # The answer of the last comparison holds until the account answers again.
        if not trial.their_buckets:
            raise Retry(str(fault)) from fault
        return
    trial.their_buckets = {
        str(container.pk): list(containers_there[container.cloud_container_id].bucket_ids)
        for container in trial.containers.all()
        if container.cloud_container_id in containers_there
    }
    for buckets in elsewhere:
        trial.their_buckets |= buckets
    trial.save(update_fields=["their_buckets"])
