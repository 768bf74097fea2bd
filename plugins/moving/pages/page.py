"""The context of a trial's pages, and its verdict as one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.common.reading import read_number
from plugins.moving.models import EngineTrial, TrialKind, TrialRow
from plugins.moving.trials import selectors
from plugins.moving.trials.figures import (
    LEAST_DECISIONS,
    EngineFigures,
    MeasuredShare,
    Outcome,
    TrialFigures,
)
from plugins.moving.trials.services import read_figures, savings
from web.portal.pictures.ribbon import Box, box
from web.portal.pictures.sound import ShownSound, sound_alone
from web.portal.pictures.waveform import Window
from web.portal.shared import playback

_ROWS_AT_ONCE = 10
_DAYS_IN_WEEKS = 14


@dataclass(frozen=True, slots=True)
class HeardRow:
    """A row to judge, without a word of which engine found it."""

    row: TrialRow
    source: ShownSound
    reference_url: str
    reference_window: Window
    reference_interval: Box

    @property
    def version(self) -> int:
        """Return the version of its match; 0 without one."""
        return self.row.match.version if self.row.match else 0


@dataclass(frozen=True, slots=True)
class JudgedKind:
    """How many rows of a kind there are, and what people heard of them."""

    label: str
    rows: int
    heard: int
    wrong: int


@dataclass(frozen=True, slots=True)
class ShownEngine:
    """One engine's figures in words."""

    name: str
    recall: str
    precision: str
    wrong: int


def judging(rows: QuerySet[TrialRow]) -> list[HeardRow]:
    """Return the next rows to judge, as they are drawn."""
    return [_make_row(row) for row in rows[:_ROWS_AT_ONCE]]


def _make_row(row: TrialRow) -> HeardRow:
    file = row.file.scanned_file
    length = row.end_ms - row.start_ms
    begin = row.reference_start_ms
    end = min(begin + length, max(row.recording.duration_ms, begin + 1))
    window = Window(begin, end)
    return HeardRow(
        row,
        sound_alone(file, row.start_ms, row.end_ms, playback.audio_url(file)),
        playback.audio_url(row.recording),
        window,
        box(begin, end, window),
    )


def trial_context(trial: EngineTrial) -> dict[str, object]:
    """Return what a trial's page shows."""
    figures = read_figures(trial)
    compared = selectors.compared_in(trial)
    distances = selectors.edge_distances(trial)
    return {
        "trial": trial,
        "figures": figures,
        "compared": compared,
        "edges": ""
        if distances is None
        else _("median %(median)s s, 95 %% within %(most)s s")
        % {
            "median": read_number(distances.median_ms / 1000, decimals=1),
            "most": read_number(distances.most_ms / 1000, decimals=1),
        },
        "engines": [_engine(_("This portal"), figures.ours), _engine("ACRCloud", figures.theirs)],
        "kinds": [
            JudgedKind(
                str(kind.label),
                figures.kinds.get(kind, 0),
                figures.heard.get(kind, 0),
                figures.wrong.get(kind, 0),
            )
            for kind in TrialKind
        ],
        "verdict": verdict(trial, figures, compared),
    }


def _engine(name: str, figures: EngineFigures) -> ShownEngine:
    return ShownEngine(name, _share(figures.found), _share(figures.precision), figures.wrong)


def verdict(trial: EngineTrial, figures: TrialFigures, compared: selectors.ComparedScans) -> str:
    """Return the verdict in words."""
    if not (compared.files or compared.streams_ms):
        return _("Nothing has been compared.")
    files = _describe_period(trial, compared)
    if not figures.decided:
        return _("%(files)s; nobody has judged what they found yet.") % {"files": files}
    words = _(
        "%(files)s: of %(confirmed)s confirmed plays this portal found %(ours)s, "
        "ACRCloud %(theirs)s; wrong were %(our_wrong)s and %(their_wrong)s."
    ) % {
        "files": files,
        "confirmed": read_number(figures.confirmed),
        "ours": _share(figures.ours.found),
        "theirs": _share(figures.theirs.found),
        "our_wrong": read_number(figures.ours.wrong),
        "their_wrong": read_number(figures.theirs.wrong),
    }
    parts = [words, _outcome(figures)]
    saved = savings(trial)
    if saved is not None:
        parts.append(
            _("Without ACRCloud you save %(saved)s %(currency)s, at the price you entered.")
            % {"saved": read_number(float(saved)), "currency": trial.currency}
        )
    return " ".join(parts)


def _describe_period(trial: EngineTrial, compared: selectors.ComparedScans) -> str:
    time = _describe_time(trial)
    files = ngettext(
        "%(time)s %(files)s file (%(hours)s h) went to both",
        "%(time)s %(files)s files (%(hours)s h) went to both",
        compared.files,
    ) % {
        "time": time,
        "files": read_number(compared.files),
        "hours": read_number(float(compared.hours), decimals=0),
    }
    if not compared.streams:
        return files
    values = {
        "time": time,
        "files": files,
        "streams": read_number(compared.streams),
        "hours": read_number(float(compared.stream_hours), decimals=0),
    }
    if not compared.files:
        text = ngettext(
            "%(time)s both heard %(streams)s stream (%(hours)s h)",
            "%(time)s both heard %(streams)s streams (%(hours)s h)",
            compared.streams,
        )
        return text % values
    text = ngettext(
        "%(files)s, and both heard %(streams)s stream (%(hours)s h)",
        "%(files)s, and both heard %(streams)s streams (%(hours)s h)",
        compared.streams,
    )
    return text % values


def _outcome(figures: TrialFigures) -> str:
    if figures.outcome == Outcome.OURS:
        return _("This portal found more than chance explains.")
    if figures.outcome == Outcome.THEIRS:
        return _("ACRCloud found more than chance explains.")
    if figures.decided < LEAST_DECISIONS:
        return _("Too close to tell: %(decided)s of %(least)s decisions are made.") % {
            "decided": read_number(figures.decided),
            "least": read_number(LEAST_DECISIONS),
        }
    if any(not (figures.heard.get(kind) or figures.wrong.get(kind)) for kind in figures.kinds):
        return _("Too close to tell: of some kinds of finds, none has been judged.")
    return _("Too close to tell: what only one of them found may be chance.")


def _describe_time(trial: EngineTrial) -> str:
    last = min(trial.ended_at or trial.compared_at or trial.begins_at, trial.ends_at)
    days = max(1, (last - trial.begins_at).days)
    # A few days called a week would promise more than was compared.
    if days < _DAYS_IN_WEEKS:
        return ngettext("In %(days)s day", "In %(days)s days", days) % {"days": read_number(days)}
    weeks = round(days / 7)
    return ngettext("In %(weeks)s week", "In %(weeks)s weeks", weeks) % {
        "weeks": read_number(weeks)
    }


def _share(share: MeasuredShare) -> str:
    """Return a share with its interval, as in 99.2 % (98.8–99.5)."""
    if share.value is None:
        return "–"
    return _("%(share)s %% (%(low)s–%(high)s)") % {
        "share": read_number(100 * share.value, decimals=1),
        "low": read_number(100 * share.low, decimals=1),
        "high": read_number(100 * share.high, decimals=1),
    }
