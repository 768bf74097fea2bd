"""The jobs of scanned files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.jobs import resources
from base.jobs.choices import JobState, Pool, Priority
from base.jobs.kinds import Kind, register, without_limit
from base.jobs.periodic import periodic
from base.jobs.services import bring_forward
from catalogue.partitions import Partition
from scanning import ending
from scanning.choices import (
    ENDED_SCAN_STATUSES,
    CallbackOutcome,
    DeliveryStatus,
    RetroStatus,
    ScanStatus,
)
from scanning.cloud_jobs import CLOUD_SCAN
from scanning.duties import duty_of_poll, duty_of_scan
from scanning.models import (
    Drop,
    InboundCallback,
    OutboundCallback,
    PartitionQuestion,
    PartitionSearch,
    RetroSearch,
    Scan,
    ScannedFile,
    Watch,
)
from scanning.selectors import not_scanned_since

# Pauses after failed attempts to reach a receiver: 8 attempts within about a day.
RETRY_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=7),
    timedelta(hours=12),
)
MAX_ATTEMPTS = len(RETRY_AFTER) + 1


def _file_page(file: ScannedFile) -> str:
    return reverse("portal:file_detail", args=[file.uid])


RENDITION = register(
    Kind(
        "file_rendition",
        ScannedFile,
        "scanning.pipeline.make_rendition",
        label=_("Playable copy of a file"),
        page=_file_page,
        priority=Priority.AFTERWARDS,
        key=lambda file: f"{file.pk}:{file.media.name}"[-200:],
    )
)


def _end_fingerprint(file: ScannedFile, _state: JobState, _code: str, _cause: str) -> None:
    """Let the scans that waited for the fingerprint decide what to send instead."""
    bring_forward(CLOUD_SCAN, file.scans.all())


FILE_FINGERPRINT = register(
    Kind(
        "file_fingerprint",
        ScannedFile,
        "scanning.pipeline.make_fingerprint",
        label=_("Fingerprint for another portal"),
        page=_file_page,
        lane=lambda file: str(file.container_id),
        on_end=_end_fingerprint,
    )
)


def _end_scan(scan: Scan, state: JobState, code: str, cause: str) -> None:
    """Store how a scan ended without a result, unless it has ended."""
    if code in {"gave_up", "lost_worker"}:
        code = "engine_error"
        cause = gettext(
            "The scan of %(name)s stopped without a result. %(cause)s "
            "Scan it again; if it stops again, tell an admin."
        ) % {"name": scan.scanned_file.name, "cause": cause}
    ending.store_end_of_job(scan=scan, state=state, code=code, cause=cause)


SCAN = register(
    Kind(
        "scan",
        Scan,
        "scanning.pipeline.run",
        label=_("Scan"),
        page=lambda scan: _file_page(scan.scanned_file),
        lane=lambda scan: str(scan.scanned_file.container_id),
        lane_limit=lambda: settings.ACRPORTAL_SCANS_PER_CONTAINER,
        duty=duty_of_scan,
        needs=frozenset({resources.INDEX}),
        # ``scanning.ending`` stores how a scan ended.
        mirror={JobState.WAITING: ScanStatus.QUEUED, JobState.RUNNING: ScanStatus.RUNNING},
        keeps=ENDED_SCAN_STATUSES,
        cause_field="message",
        on_end=_end_scan,
        title=lambda scan: str(scan.scanned_file.name),
        related=("scanned_file",),
        unresolved=not_scanned_since,
    )
)


def unanswered(question: PartitionQuestion) -> QuerySet[PartitionQuestion]:
    """Return the row of a question while it lacks the answer to what it asks now."""
    return PartitionQuestion.objects.filter(pk=question.pk, asked=question.asked, answer=None)


def wake_scan(search: PartitionSearch) -> None:
    """Let the scan go on that has all answers, or one question that nobody answers."""
    open_ones = search.questions.filter(answer=None)
    if search.scan is not None and (
        not open_ones.filter(cause="").exists() or open_ones.exclude(cause="").exists()
    ):
        bring_forward(SCAN, Scan.objects.filter(pk=search.scan.pk))


def _end_question(question: PartitionQuestion, state: JobState, _code: str, cause: str) -> None:
    """Note why a partition does not answer, so that the scan says so."""
    if state == JobState.CANCELLED:
        cause = gettext("Somebody cancelled it.")
    unanswered(question).update(cause=(cause or state.label)[:500])
    wake_scan(question.search)


PARTITION_QUESTION = register(
    Kind(
        "partition_question",
        PartitionQuestion,
        "scanning.partition_scans.answer_question",
        label=_("Search of a partition"),
        # Scans that have begun end before others begin.
        priority=Priority.CLOCK,
        lane=lambda question: str(question.partition),
        duty=lambda question: Partition(question.partition, question.search.partitions).duty,
        needs=frozenset({resources.INDEX}),
        on_end=_end_question,
        title=lambda question: str(question.about),
        related=("search__scan__scanned_file",),
        visible=lambda: PartitionQuestion.objects.filter(search__scan__in=Scan.objects.all()),
    )
)


def _end_search(search: RetroSearch, state: JobState, code: str, cause: str) -> None:
    message = "Cancelled."
    if state == JobState.FAILED:
        message = gettext(
            "Stopped several times at the same file. What was found stays. %(cause)s"
        ) % {"cause": cause}
    RETRO_SEARCH.show(search.pk, state, message, finished_at=datetime.now(tz=UTC))


RETRO_SEARCH = register(
    Kind(
        "retro_search",
        RetroSearch,
        "scanning.retro_pipeline.run",
        label=_("Search in earlier files"),
        page=lambda search: reverse("portal:retro_search", args=[search.uid]),
        priority=Priority.EVERYTHING,
        needs=frozenset({resources.INDEX}),
        mirror={
            JobState.WAITING: RetroStatus.QUEUED,
            JobState.RUNNING: RetroStatus.RUNNING,
            JobState.DONE: RetroStatus.DONE,
            JobState.FAILED: RetroStatus.FAILED,
            JobState.CANCELLED: RetroStatus.CANCELLED,
        },
        cause_field="message",
        on_end=_end_search,
        title=lambda search: str(search.uid),
    )
)


periodic(
    "audio_retention",
    "scanning.retention.remove_due",
    every=timedelta(minutes=1),
    label=_("Removal of audio that is no longer kept"),
)
periodic(
    "callback_retention",
    "scanning.retention.forget_callbacks",
    every=timedelta(minutes=1),
    label=_("Removal of callbacks without a file"),
)
periodic(
    "abandoned_uploads",
    "scanning.services.resumable_uploads.discard_abandoned",
    every=timedelta(hours=1),
    label=_("Removal of abandoned uploads"),
)
periodic(
    "retro_search_start",
    "scanning.services.retro.start_collected",
    every=timedelta(seconds=20),
    label=_("Start of searches in earlier files"),
)


def _end_callback_sent(
    callback: OutboundCallback, _state: JobState, _code: str, _cause: str
) -> None:
    OutboundCallback._base_manager.filter(pk=callback.pk).update(finished_at=datetime.now(tz=UTC))


CALLBACK_SENT = register(
    Kind(
        "callback_sent",
        OutboundCallback,
        "scanning.services.outbound_callbacks.run",
        page=lambda callback: _file_page(callback.scanned_file),
        needs=frozenset({resources.OUTSIDE}),
        label=_("Callback sent"),
        pool=Pool.TALK,
        # A receiver that hangs holds one thread.
        lane=lambda callback: str(callback.container_id),
        lane_limit=lambda: 1,
        max_attempts=lambda: MAX_ATTEMPTS,
        pause=lambda attempts: RETRY_AFTER[attempts - 1],
        mirror={
            JobState.WAITING: DeliveryStatus.WAITING,
            JobState.DONE: DeliveryStatus.DELIVERED,
            JobState.FAILED: DeliveryStatus.FAILED,
        },
        on_end=_end_callback_sent,
        title=lambda callback: str(callback.scanned_file.name),
        related=("scanned_file",),
    )
)


def _end_callback_received(
    callback: InboundCallback, _state: JobState, _code: str, _cause: str
) -> None:
    InboundCallback._base_manager.filter(pk=callback.pk).update(processed_at=datetime.now(tz=UTC))


CALLBACK_RECEIVED = register(
    Kind(
        "callback_received",
        InboundCallback,
        "scanning.callback_processing.run",
        label=_("Callback received"),
        page=lambda callback: _file_page(callback.scanned_file) if callback.scanned_file else "",
        # The work itself stores the outcome of a callback that it applied.
        mirror={JobState.WAITING: CallbackOutcome.QUEUED, JobState.FAILED: CallbackOutcome.FAILED},
        status_field="outcome",
        cause_field="message",
        on_end=_end_callback_received,
        title=lambda callback: str(callback.scanned_file or callback.file_id),
        related=("scanned_file",),
    )
)


# Each check asks for the next one, so there is always an open job of an enabled watch.
WATCH_CHECK = register(
    Kind(
        "watch_check",
        Watch,
        "scanning.watching.run",
        needs=frozenset({resources.OUTSIDE}),
        label=_("Check of a watch"),
        pool=Pool.TALK,
        max_attempts=without_limit,
    )
)


# Each poll asks for the next one, as the checks of watches do.
DROP_POLL = register(
    Kind(
        "drop_poll",
        Drop,
        "scanning.drops.polling.run",
        needs=frozenset({resources.OUTSIDE}),
        duty=duty_of_poll,
        label=_("Poll of a drop"),
        pool=Pool.TALK,
        # Copying large files must leave threads for callbacks and the cloud.
        lane=lambda _drop: "all",
        lane_limit=lambda: 2,
        max_attempts=without_limit,
    )
)
