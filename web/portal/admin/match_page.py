"""The context of a match's pages in the admin."""

from __future__ import annotations

from base.accounts.models import User
from base.accounts.roles import Action
from catalogue.selectors import shown_for
from reports.cue_questions import questions_of
from review import selectors
from review.decisions.decide import allowed_verbs
from review.models import Match
from web.portal.pictures import match as pictures
from web.portal.pictures.pair import aligned_pair
from web.portal.pictures.waveform import load_waveform
from web.portal.review.page import lock_of, standing


def page(*, match: Match, user: User, chosen: str) -> dict[str, object]:
    """Return the whole match: the evidence, its history, and what the user may do."""
    return evidence(match=match, chosen=chosen) | {
        "verbs": allowed_verbs(match=match, user=user),
        "may_decide": user.has_perm(Action.DECIDE),
        "may_manage": user.has_perm(Action.APPROVE),
        "lock": lock_of(match, user),
        "questions": questions_of(match),
        "detections": selectors.detections_of(match),
        "earlier": selectors.earlier_decisions(match),
        "events": selectors.events_of(match),
    }


def evidence(*, match: Match, chosen: str) -> dict[str, object]:
    """Return the ribbon, sounds and segments; ``chosen`` is a segment's number, from 1."""
    line = pictures.file_of(match)
    segments, count = match.segments, match.tally
    current = pictures.chosen(chosen, len(segments))
    segment = segments[current - 1] if segments else None
    pair = aligned_pair(match=match, segment=segment) if segment else None
    shown = pictures.shown_segments(count, current)
    return {
        "match": match,
        "standing": standing(match),
        "stays": shown_for(match.recording),
        "ribbon": pictures.draw_ribbon(
            match=match,
            count=count,
            segment=segment,
            line=line,
            here="",
            waveform=load_waveform(match.scanned_file),
        ),
        "shown_segments": shown,
        "segment_page": pictures.segment_page(shown, current),
        "current": current,
        "source": pair.source if pair else None,
        "reference": pair.reference if pair else None,
        "plot": pictures.draw_plot(match, count, current),
    }
