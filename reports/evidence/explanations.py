"""Explains the figures of a match in plain sentences for outsiders."""

from __future__ import annotations

from datetime import datetime

from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from base.accounts.deciders import Decider
from base.accounts.models import User
from base.audit.labels import actor_label
from base.common.phrases import lowered
from base.common.reading import rounded
from recognition.verify.calibration import rarity_of
from reports.cells import offset
from reports.evidence.facts import CaseFacts, decision_events
from review import labels as event_words
from review.bands import is_like_a_telephone
from review.choices import MatchState, Relation, VersionChoice
from review.edits import Edit
from review.models import Match

_NAME_CHARS = 80
# Shorter uses do not show a speed exactly (docs/recognition.md).
_EXACT_MS = 10_000
EMBEDDED_SCALE = "0-100:embedded/1"
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

_RELATIONS = {
    Relation.ALTERED: lazy(
        "The recording is played at a different speed or pitch than the original."
    ),
    Relation.IDENTICAL_AUDIO: lazy(
        "The file and the recording are the same audio: one segment covers at least 97 % of both."
    ),
    Relation.LOOP: lazy("A short section of the recording occurs at least four times."),
    Relation.SAME_RECORDING: lazy(
        "The file contains at least 60 % of the recording in its original order."
    ),
    Relation.EXCERPT: lazy("The file contains part of the recording."),
    Relation.SIMILAR_WORK: lazy(
        "A cloud engine reports the same musical work; it may be another recording of it."
    ),
}
# The other versions are not named: their owners may be others.
_VERSIONS = {
    VersionChoice.OPEN: lazy(
        "Another version of the recording fits the same seconds equally well; nobody "
        "has chosen between them yet."
    ),
    VersionChoice.CHOSEN: lazy(
        "Another version of the recording fits the same seconds equally well; a person "
        "chose this one."
    ),
    VersionChoice.ANSWERED: lazy(
        "Another version of the recording fits the same seconds equally well; a person "
        "decided that this one stands for both."
    ),
}
_STATES = {
    MatchState.PENDING: lazy("No decision about this match has been made yet."),
    MatchState.IN_REVIEW: lazy(
        "A reviewer is examining this match; no decision has been made yet."
    ),
    MatchState.ESCALATED: lazy("The match was referred to a manager, who has not decided yet."),
    MatchState.CONFIRMED: lazy(
        "The match was confirmed: the file uses this recording, and no licence covers it."
    ),
    MatchState.CLEARED: lazy(
        "The match was cleared: the file uses this recording, and the use is permitted."
    ),
    MatchState.REJECTED: lazy("The match was rejected: no claim is made for it."),
    MatchState.SUPPRESSED: lazy(
        "A policy, an exclusion or the minimum score removed this match from review."
    ),
    MatchState.DISPUTED: lazy("The claim was confirmed, and the other party disputes it."),
    MatchState.UPHELD: lazy("The other party disputed the claim, and the claim was upheld."),
    MatchState.RELEASED: lazy("The claim was released: it is no longer made."),
}


def sentences(facts: CaseFacts) -> list[str]:
    """Return the findings and their meaning, most important first."""
    match = facts.match
    texts = [
        _finding(facts),
        _versions(match),
        _shares(match),
        str(_RELATIONS[Relation(match.relation)]),
        _score(match),
        _speed(match),
        _band(match),
        _speech(facts),
    ]
    if facts.count.excluded_ms:
        texts.append(
            _("Another %(s)s seconds lie in excluded intervals and are not counted.")
            % {"s": _seconds(facts.count.excluded_ms)}
        )
    if match.second_scan is not None:
        texts.append(_("Two engines found this match independently of each other."))
    return [sentence for sentence in texts if sentence]


def decision(facts: CaseFacts) -> str:
    """Return the decision, its author and its time."""
    match = facts.match
    texts = [str(_STATES[MatchState(match.state)])]
    if match.is_decided and match.decided_by_name and match.decided_at is not None:
        words = {MatchState.DISPUTED: _("Confirmed by %(who)s on %(when)s UTC.")}.get(
            MatchState(match.state), _("Decided by %(who)s on %(when)s UTC.")
        )
        author = _author_and_time(match.decided_by_name, match.decided_at)
        if match.decider == Decider.PROGRAM:
            author["who"] = _("a program, as %(name)s,") % {"name": author["who"]}
        texts.append(words % author)
    if match.state == MatchState.DISPUTED and match.state_at is not None:
        words = _("Dispute recorded by %(who)s on %(when)s UTC.")
        texts.append(words % _author_and_time(match.state_by or _("a person"), match.state_at))
    return " ".join(texts)


def decisions(facts: CaseFacts) -> list[dict[str, str]]:
    """Return a row per decision: time, person, verb, change of state and reason."""
    rows = []
    for event in decision_events(facts.events):
        states = [event.before.get("state", ""), event.after["state"]]
        change = ""
        if states[0] != states[1]:
            change = " → ".join(filter(None, map(event_words.state_label, states)))
        reasons = [event_words.event_reason(event), event.note]
        rows.append(
            {
                "event": str(event.sequence),
                "at": f"{event.at:%Y-%m-%d %H:%M:%S}",
                "by": actor_label(event.actor_name),
                "done": event_words.done(event),
                "change": change,
                "why": " · ".join(filter(None, reasons)),
            }
        )
    return rows


def disputes(facts: CaseFacts) -> list[dict[str, str]]:
    """Return each dispute with its statement, its answer, and who recorded both."""
    return [
        {
            "title": _("%(what)s: %(status)s")
            % {"what": dispute.get_code_display(), "status": lowered(dispute.get_status_display())}
            + (f" ({_('appeal')})" if dispute.is_appeal else ""),
            "received": f"{dispute.received_at:%Y-%m-%d}",
            "recorded_by": _username(dispute.recorded_by),
            "due": f"{dispute.due_at:%Y-%m-%d}",
            "statement": dispute.statement,
            "answered": f"{dispute.answered_at:%Y-%m-%d}" if dispute.answered_at else "",
            "answered_by": _username(dispute.answered_by),
            "answer": dispute.answer,
        }
        for dispute in facts.disputes
    ]


def _username(person: User | None) -> str:
    return person.get_username() if person else ""


def _author_and_time(name: str, at: datetime) -> dict[str, str]:
    return {"who": actor_label(name), "when": f"{at:%Y-%m-%d %H:%M:%S}"}


def licences(facts: CaseFacts) -> str:
    """Return the verdict of the licences in one sentence."""
    if not facts.licences:
        return _("No licence in force applies to this recording.")
    full = [check.licence for check in facts.licences if check.cover == "full"]
    if full:
        return _("The use is covered by %(names)s.") % {"names": ", ".join(map(str, full))}
    count = len(facts.licences)
    return ngettext(
        "One licence was considered; it does not cover this use.",
        "%(count)s licences were considered; none covers this use.",
        count,
    ) % {"count": count}


def of_recording(facts: CaseFacts) -> list[tuple[str, str]]:
    """Return what identifies the recording: non-empty values with labels."""
    recording, heard = facts.recording, facts.heard
    title = recording.full_title
    return _filled_pairs(
        [
            (_("Title"), title),
            (_("Artists"), recording.artist_names),
            (_("Album"), recording.album),
            (_("Label"), recording.label),
            ("ISRC", recording.isrc_normalised or recording.isrc),
            (_("Custom ID"), heard.custom_id),
            (_("Recording ID"), "" if heard.custom_id else recording.uid),
            (_("Merged from"), "" if heard == recording else str(heard)),
            (_("Duration"), offset(heard.duration_ms)),
            ("SHA-256", heard.audio_sha256),
        ]
    )


def of_file(facts: CaseFacts) -> list[tuple[str, str]]:
    """Return what identifies the file: non-empty values with labels."""
    file = facts.file
    return _filled_pairs(
        [
            (_("Name"), file.name),
            (_("Address"), file.source_url),
            (_("Platform"), file.platform),
            (_("Account"), file.account),
            (_("Programme"), file.programme),
            (_("External id"), file.external_id),
            (_("Received"), f"{file.created_at:%Y-%m-%d %H:%M:%S} UTC"),
            (_("Duration"), offset(file.length_ms)),
            (_("Not decoded"), offset(file.undecoded_ms)),
            ("SHA-256", file.sha256),
        ]
    )


def _filled_pairs(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    unknown = ("", offset(0))
    return [(name, value) for name, value in pairs if value not in unknown]


def _versions(match: Match) -> str:
    choice = match.version_choice
    return str(_VERSIONS[VersionChoice(choice)]) if choice else ""


def _finding(facts: CaseFacts) -> str:
    recording, count = facts.recording, facts.count
    names = {
        "title": Truncator(recording.full_title).chars(_NAME_CHARS),
        "file": Truncator(facts.file.name).chars(_NAME_CHARS),
    }
    if not count.counted:
        return (
            _(
                "“%(title)s” is heard in “%(file)s”, but only where it is excluded: "
                "none of it counts."
            )
            % names
        )
    counting = [counted_segment for counted_segment in count.segments if counted_segment.parts]
    return ngettext(
        "“%(file)s” contains %(s)s seconds of “%(title)s”, in one segment between "
        "%(first)s and %(last)s.",
        "“%(file)s” contains %(s)s seconds of “%(title)s”, in %(count)s segments "
        "between %(first)s and %(last)s.",
        len(counting),
    ) % {
        **names,
        "s": _seconds(count.ms),
        "count": len(counting),
        "first": offset(count.counted[0][0]),
        "last": offset(count.counted[-1][1]),
    }


def _shares(match: Match) -> str:
    if match.source_share is None:
        return ""
    source = _("That is %(pct)s %% of the file") % {"pct": match.source_share}
    if match.reference_coverage_pct is None:
        return f"{source}."
    reference = _("and %(pct)s %% of the recording.") % {"pct": match.reference_coverage_pct}
    return f"{source} {reference}"


def _score(match: Match) -> str:
    if match.score is None:
        return _("The engine reports no score for this match.")
    if match.score_scale == EMBEDDED_SCALE:
        text = _("The score is %(score)s out of 100.") % {"score": match.score}
    else:
        text = _("The score is %(score)s on the scale %(scale)s.") % {
            "score": match.score,
            "scale": match.score_scale,
        }
    if match.score_scale == EMBEDDED_SCALE and match.score >= 50:
        power = rarity_of(float(match.score))
        text += " " + _(
            "Unrelated audio is expected to reach this score by chance less than once in "
            "10%(power)s hours."
        ) % {"power": str(power).translate(_SUPERSCRIPT)}
    return (
        text
        + " "
        + _(
            "The score only shows that chance does not explain the match: if two recordings "
            "share a loop or a sample, both are found."
        )
    )


def _speech(facts: CaseFacts) -> str:
    match, estimate = facts.match, facts.count.speech
    if match.speech_checked:
        if match.under_speech:
            return _("A person heard speech over most of it.")
        return ""
    if estimate is None or not match.under_speech:
        return ""
    share = _("An automatic estimate finds speech in about %(pct)s %% of it.")
    return share % {"pct": round(100 * estimate.least)}


def _speed(match: Match) -> str:
    if match.speed_pct is None:
        return ""
    if match.edit == Edit.DRIFTING:
        return _("Its speed drifts, as that of a tape or a turntable does.")
    if match.edit in (Edit.IN_PART, Edit.SEVERAL):
        return _("Its parts are played at different speeds or pitches.")
    is_vague = match.edit == Edit.NONE and match.longest_ms < _EXACT_MS
    if is_vague or not (match.speed_pct or match.pitch_cents):
        return _("It is played at the original speed and pitch.")
    if not match.speed_pct:
        speed = _("at the original speed")
    elif match.speed_pct > 0:
        speed = _("%(pct)s %% faster") % {"pct": match.speed_pct}
    else:
        speed = _("%(pct)s %% slower") % {"pct": -match.speed_pct}
    if match.pitch_cents is None:
        return _("The file plays the recording %(speed)s.") % {"speed": speed}
    if not match.pitch_cents:
        pitch = _("at the original pitch")
    elif match.pitch_cents > 0:
        pitch = _("%(cents)s cents higher") % {"cents": match.pitch_cents}
    else:
        pitch = _("%(cents)s cents lower") % {"cents": -match.pitch_cents}
    return _("The file plays the recording %(speed)s and %(pitch)s.") % {
        "speed": speed,
        "pitch": pitch,
    }


def _band(match: Match) -> str:
    low, high = match.low_hz, match.high_hz
    if low and high:
        text = _(
            "In the file the recording is heard only between about %(low)s and "
            "%(high)s Hz; its sound below and above is missing."
        )
    elif low:
        text = _(
            "In the file the recording is heard only above about %(low)s Hz; its sound "
            "below is missing."
        )
    elif high:
        text = _(
            "In the file the recording is heard only below about %(high)s Hz; its sound "
            "above is missing, as far up as the engine listens."
        )
    else:
        return ""
    if is_like_a_telephone(low, high):
        text += " " + _("Telephones sound like this.")
    return text % {"low": low, "high": high}


def _seconds(total_ms: int) -> str:
    return f"{rounded(total_ms, 100) / 1000:.1f}"
