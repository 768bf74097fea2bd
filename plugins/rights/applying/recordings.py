"""Applies what a message says of recordings."""

from __future__ import annotations

from django.utils.translation import gettext as _

from catalogue.identifiers import check_isrc
from catalogue.models import CodeStatus
from catalogue.owners.choices import Right, StatedField
from catalogue.owners.models import RightsRecording
from plugins.rights.applying.changes import Changes
from plugins.rights.applying.shares import checked_shares, replace_shares
from plugins.rights.applying.values import ClaimRefused, cut
from plugins.rights.claims import RecordingClaim
from plugins.rights.matching import find_recording, match_key_of


def apply_recording(changes: Changes, claim: RecordingClaim) -> RightsRecording:
    isrc = check_isrc(claim.isrc)
    if isrc.status == CodeStatus.MALFORMED:
        raise ClaimRefused(
            "isrc",
            claim.isrc,
            _("an ISRC looks like QZAA02600001, not '%(given)s'") % {"given": claim.isrc},
        )
    if not isrc.normalised and not claim.title.strip():
        raise ClaimRefused("title", claim.key, _("The recording has neither ISRC nor title."))
    match_key = "" if isrc.normalised else match_key_of(claim, changes.claimant)
    values: dict[str, object] = {
        "title": cut(RightsRecording, "title", claim.title),
        "version_title": cut(RightsRecording, "version_title", claim.version_title),
        "artists": [artist.strip()[:500] for artist in claim.artists],
        "duration_ms": claim.duration_ms,
        "label": cut(RightsRecording, "label", claim.label),
        "p_line": cut(RightsRecording, "p_line", claim.p_line),
    }
    shares = checked_shares(changes, claim.shares, {Right.MASTER})
    recording = changes.existing.recordings.get(isrc.normalised)
    if recording is None and match_key:
        recording = find_recording(isrc="", match_key=match_key)
    if recording is None:
        codes = {"isrc": isrc.normalised, "match_key": match_key}
        recording = changes.create(RightsRecording(**values, **codes), values | codes)
        if isrc.normalised:
            changes.existing.recordings[isrc.normalised] = recording
    else:
        changes.fill_empty(recording, values)
    title = f"{claim.title.strip()} {claim.version_title.strip()}".strip()
    changes.keep_statement(recording, StatedField.TITLE, title, claim.line)
    length = "" if claim.duration_ms is None else str(claim.duration_ms)
    changes.keep_statement(recording, StatedField.DURATION, length, claim.line)
    replace_shares(changes, recording, shares)
    return recording
