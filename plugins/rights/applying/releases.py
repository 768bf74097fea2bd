"""Applies what a message says of releases and their tracks."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from catalogue.identifiers import check_grid, check_label_code, check_upc
from catalogue.owners.choices import StatedField
from catalogue.owners.models import Release, RightsRecording, Track
from plugins.rights.applying.changes import Changes
from plugins.rights.applying.values import ClaimRefused, checked, cut
from plugins.rights.claims import ReleaseClaim
from plugins.rights.matching import find_release


def apply_release(changes: Changes, claim: ReleaseClaim) -> Release:
    if not claim.title.strip():
        raise ClaimRefused("title", claim.key, _("The release has no title."))
    upc = checked(check_upc, "upc", claim.upc)
    values: dict[str, Any] = {  # Any: a column's value
        "title": cut(Release, "title", claim.title),
        "artists": [artist.strip()[:500] for artist in claim.artists],
        "upc": upc,
        "grid": checked(check_grid, "grid", claim.grid),
        "catalogue_number": cut(Release, "catalogue_number", claim.catalogue_number),
        "label": cut(Release, "label", claim.label),
        "label_code": checked(check_label_code, "label_code", claim.label_code),
        "p_line": cut(Release, "p_line", claim.p_line),
        "c_line": cut(Release, "c_line", claim.c_line),
        "released": claim.released,
    }
    release = find_release(
        grid=values["grid"],
        upc=upc,
        label=values["label"],
        catalogue_number=values["catalogue_number"],
    )
    if release is None:
        release = changes.create(Release(**values), values)
    else:
        changes.fill_empty(release, values)
    changes.keep_statement(release, StatedField.UPC, upc, claim.line)
    _tracks(changes, release, claim)
    return release


def _tracks(changes: Changes, release: Release, claim: ReleaseClaim) -> None:
    positions = changes.rows.tracked.get(release.pk)
    if positions is None:
        positions = dict(release.tracks.values_list("recording", "position"))
        changes.rows.tracked[release.pk] = positions
    missing: dict[int, RightsRecording] = {}
    for key in claim.tracks:
        recording = changes.recordings.get(key)
        if recording is None:
            changes.add_missing(claim.line, "track", key)
        elif recording.pk not in positions:
            missing[recording.pk] = recording
    last = max(positions.values(), default=0)
    for pk in changes.without_kept_off(release, list(missing)):
        last += 1
        positions[pk] = last
        changes.rows.tracks.append(Track(release=release, recording=missing[pk], position=last))
        changes.note_change(release, "track", missing[pk].uid)
