"""The jobs that compare unmatched sound."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from base.jobs.choices import JobState, Priority
from base.jobs.kinds import Kind, register
from base.jobs.periodic import periodic
from plugins.monitoring.unknown.models import KeptFile, KeptState, UnknownItem

COMPARE = register(
    Kind(
        "compare_unknown_sound",
        KeptFile,
        "plugins.monitoring.unknown.comparing.run",
        label=_("Comparison of unknown sound"),
        priority=Priority.EVERYTHING,
        # Two files that are joined at once would not find each other.
        lane=lambda _kept_file: "all",
        lane_limit=lambda: 1,
        gives_way=True,
        hand_back_after=0.0,
        mirror={
            JobState.WAITING: KeptState.WAITING,
            JobState.RUNNING: KeptState.COMPARING,
            JobState.DONE: KeptState.COMPARED,
            JobState.FAILED: KeptState.FAILED,
            JobState.CANCELLED: KeptState.CANCELLED,
        },
        status_field="state",
        cause_field="message",
        title=lambda kept_file: str(kept_file.scanned_file),
        related=("scanned_file",),
    )
)
SEARCH_BACK = register(
    Kind(
        "search_unknown_sound",
        None,
        "plugins.monitoring.unknown.searching.run",
        label=_("Search for unknown sound in earlier files"),
        priority=Priority.EVERYTHING,
        key=lambda _subject: "all",
        gives_way=True,
        hand_back_after=0.0,
    )
)
CUT_AUDIO = register(
    Kind(
        "unknown_audio",
        UnknownItem,
        "plugins.monitoring.unknown.cutting.run",
        label=_("Audio of a named item"),
        priority=Priority.AFTERWARDS,
    )
)

periodic(
    "unknown_sound",
    "plugins.monitoring.unknown.planning.plan",
    every=timedelta(minutes=1),
    label=_("Choice of files with unknown sound to compare"),
)
