"""A proposed exclusion as pages show it: its interval, its audio, its answer."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Action
from catalogue.models import Exclusion
from portal.review.queue import Queue
from portal.review.reasons import proposal_sentence
from portal.shared import playback
from review import approval
from review.choices import WAITING_STATES
from review.models import Match

FROM_QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal with its links; ``why_not`` is why this user may not answer it."""

    exclusion: Exclusion
    said: str
    url: str
    audio_url: str
    why_not: str


def proposed(
    *, exclusion: Exclusion, match: Match, queue: Queue, leads: str = ""
) -> Proposed:
    """Return the proposal as the page of a match shows it.

    ``leads`` is ``FROM_QUEUE`` to return to the queue after an answer.
    """
    address = reverse("portal:match_proposal", args=[match.uid, exclusion.uid])
    return Proposed(
        exclusion=exclusion,
        said=proposal_sentence(exclusion),
        url=f"{address}{queue.query(leads=leads)}",
        audio_url=playback.audio_url(match.recording),
        why_not=_why_not(exclusion, match, queue.user),
    )


def _why_not(exclusion: Exclusion, match: Match, user: User) -> str:
    if not user.has_perm(Action.EDIT_CATALOGUE):
        return _("A manager decides it.")
    if exclusion.created_by_id == user.pk and not approval.may_approve_own(user):
        return _("You proposed this. Another manager must decide.")
    if match.state not in WAITING_STATES:
        return _("This match is decided; answer it on the page of the recording.")
    return ""
