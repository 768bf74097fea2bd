"""Puts together what the admin page of one match shows as evidence."""

from __future__ import annotations

from accounts.models import User
from accounts.roles import Action
from portal import evidence as shared
from portal.file_page import load_waveform
from portal.pair import aligned_pair
from review import selectors
from review.models import Match
from review.services.decisions import possible_verbs
from review.services.disputes import possible_moves


def evidence(*, match: Match, user: User, chosen: str) -> dict[str, object]:
    """Return the context of the page; ``chosen`` is the number of a segment."""
    segments = selectors.match_segments(match)
    current = shared.chosen(chosen, len(segments))
    play = segments[current - 1] if segments else None
    pair = aligned_pair(match=match, play=play) if play else None
    return {
        "match": match,
        "verbs": possible_verbs(match=match, user=user),
        "claim_moves": possible_moves(match=match, user=user),
        "can_decide": user.has_perm(Action.DECIDE),
        "lock_message": shared.lock_message(match, user),
        "ribbon": shared.draw_ribbon(
            match=match,
            segments=segments,
            play=play,
            others=shared.others_in_file(match),
            here="",
            waveform=load_waveform(match.scanned_file),
        ),
        "plays": shared.plays_of(segments, current),
        "current": current,
        "source": pair.source if pair else None,
        "reference": pair.reference if pair else None,
        "plot": shared.draw_plot(match, segments, current),
        "detections": selectors.detections_of(match),
        "earlier": selectors.earlier_decisions(match),
        "events": selectors.events_of(match),
    }
