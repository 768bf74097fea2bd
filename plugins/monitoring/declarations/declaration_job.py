"""Writes a declaration in the worker: read, check, write, store.

It reads one snapshot of the database. Files get their final name only when complete,
and rows are written last, so that an interrupted attempt leaves nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import ngettext

import base.audit.services
import statements.services
from base.accounts.reach import sees_every_bucket, working_for
from base.common.databases import snapshot
from base.common.storage import FileOnDisk, kept_only_if_done, scratch_directory, sha256_of
from base.jobs.context import JobContext
from base.jobs.errors import Failed
from plugins.monitoring.declarations import checking
from plugins.monitoring.declarations.content_files import lines_of
from plugins.monitoring.declarations.formats.base import BadOptions, WrittenDeclaration
from plugins.monitoring.declarations.formats.registry import UnknownFormat, make_format
from plugins.monitoring.declarations.gathering import Gathered, gather
from plugins.monitoring.declarations.left_out import LeftOutList
from plugins.monitoring.declarations.models import DECLARATION_STATEMENT, Declaration
from plugins.monitoring.declarations.statement import facts_of, statement_of
from reports import selectors
from reports.rows import IN_REACH
from reports.stored_rows import CompressedFile

# Shares of the work.
_READ, _CHECKED, _WRITTEN = 0.6, 0.7, 0.9


def run(context: JobContext) -> None:
    """Write a declaration with what its requester may see."""
    declaration: Declaration = context.subject
    with working_for(declaration.run_by):
        work(context)


def work(context: JobContext) -> None:
    """Write a declaration, or fail with its missing values."""
    declaration: Declaration = context.subject
    _take_profile(declaration)
    try:
        made = make_format(declaration.format, declaration.profile.options)
    except (UnknownFormat, BadOptions) as error:
        raise Failed("bad_profile", str(error)) from error
    with scratch_directory() as folder:
        undeclared = CompressedFile(folder / "undeclared")
        left_out = LeftOutList(undeclared.write)
        with undeclared, snapshot():
            newest = selectors.newest_event()
            declaration.as_of_event = newest.pk if newest else 0
            declaration.as_of_at = newest.at if newest else None
            # How many hours and broadcasts there are is not known before.
            gathered = gather(
                declaration,
                left_out=left_out.take,
                report=lambda read: context.report(_READ * read / (read + 500)),
            )
            left_out.flush()
        gaps = checking.found_gaps(made, gathered.facts, declaration.profile)
        context.report(_CHECKED)
        if gaps:
            _fail(context, gaps)
        facts_file = CompressedFile(folder / "facts")
        with facts_file:
            for line in lines_of(gathered.facts):
                facts_file.write(line)
        target = folder / "file"
        with target.open("wb") as file:
            written = made.write(gathered.facts, file)
        context.report(_WRITTEN)
        declaration.file_name = made.file_name(gathered.facts)
        declaration.format_version = made.version
        _take_totals(declaration, gathered, written, left_out)
        declaration.facts_sha256 = facts_file.sha256
        declaration.undeclared_sha256 = undeclared.sha256
        _finish(context, gathered, target, facts_file.path, undeclared.path)


def _take_profile(declaration: Declaration) -> None:
    """Write with the profile as it was when the declaration was requested."""
    for name, value in declaration.profile_as_was.items():
        if name != "stations":
            setattr(declaration.profile, name, value)


def _fail(context: JobContext, gaps: list[checking.FoundGap]) -> None:
    context.write(gap_count=len(gaps), gaps=checking.as_json(gaps))
    raise Failed(
        "gaps",
        ngettext(
            "%(count)d mandatory value is missing. Enter it, then declare again.",
            "%(count)d mandatory values are missing. Enter them, then declare again.",
            len(gaps),
        )
        % {"count": len(gaps)},
    )


def _take_totals(
    declaration: Declaration, gathered: Gathered, written: WrittenDeclaration, left_out: LeftOutList
) -> None:
    states: dict[str, int] = {}
    for play in gathered.facts.plays:
        states[play.state] = states.get(play.state, 0) + 1
    counts: dict[str, Any] = {  # Any: JSON of the declaration
        "states": dict(sorted(states.items())),
        "undeclared": {why.value: left_out.counts[why] for why in sorted(left_out.counts)},
        "stations": dict(sorted(gathered.airings.items())),
    }
    if gathered.doubts:
        counts["doubts"] = checking.doubts_as_json(gathered.doubts)
    # Receivers cannot know the limits of the person who declared.
    if not sees_every_bucket():
        counts["within"] = IN_REACH
    declaration.counts = counts
    declaration.play_count = written.plays
    declaration.played_ms = written.played_ms
    declaration.recording_count = written.recordings
    declaration.line_count = written.lines
    declaration.changed = list(written.changed)
    declaration.undeclared_count = sum(left_out.counts.values())


_RESULT_FIELDS = (
    *("format_version", "as_of_event", "as_of_at", "play_count", "played_ms"),
    *("recording_count", "line_count", "undeclared_count", "counts", "changed"),
    *("facts", "facts_sha256", "undeclared", "undeclared_sha256", "file", "file_name"),
    *("sha256", "size_bytes"),
)


def _finish(
    context: JobContext, gathered: Gathered, file: Path, facts: Path, undeclared: Path
) -> None:
    """Store files and statement and end the job, or store nothing."""
    declaration: Declaration = context.subject
    folder = f"declarations/{declaration.uid}"
    with kept_only_if_done() as stored:
        for path, name in (
            (facts, "facts.jsonl.gz"),
            (undeclared, "undeclared.csv.gz"),
            (file, "file"),
        ):
            with FileOnDisk(path, name) as content:
                if path == file:
                    declaration.sha256 = sha256_of(content)
                    declaration.size_bytes = content.size
                stored.append(default_storage.save(f"{folder}/{name}", content))
        declaration.facts.name, declaration.undeclared.name = stored[:2]
        declaration.file.name = stored[2]
        with transaction.atomic():
            columns = {name: getattr(declaration, name) for name in _RESULT_FIELDS}
            context.finish(**columns, gaps=[], gap_count=0, finished_at=datetime.now(tz=UTC))
            _issue(declaration, gathered)
            base.audit.services.record(
                case=declaration.case,
                action="declaration.written",
                actor=declaration.run_by or declaration.run_by_name,
                after={
                    "message_id": declaration.message_id,
                    "plays": declaration.play_count,
                    "played_ms": declaration.played_ms,
                    "as_of_event": declaration.as_of_event,
                    "sha256": declaration.sha256,
                },
            )


def _issue(declaration: Declaration, gathered: Gathered) -> None:
    """Record what the declaration states; it is a draft until somebody takes it away."""
    statement = statements.services.issue(
        kind=DECLARATION_STATEMENT,
        subject=declaration.uid,
        name=declaration.name,
        facts=facts_of(gathered),
        user=declaration.run_by,
    )
    corrected = declaration.replaces
    replaced = statement_of(corrected) if corrected is not None else None
    if replaced is not None:
        statements.services.correct(statement=statement, replaces=replaced)
