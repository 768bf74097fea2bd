"""Audio for recordings that wait for it, as a kind of import."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from dedup.jobs import duty_of_intake
from imports.audio.importer import AudioSummary
from imports.audio.pairing import Rule
from imports.kinds import OF_FILE, ImportKind, register
from imports.models import AudioImport

_RULES = {
    Rule.TABLE: _("Table or SHA-256"),
    Rule.CUSTOM_ID: _("Custom ID"),
    Rule.ISRC: "ISRC",
    Rule.NAME: _("Name and length"),
    Rule.TAGS: _("Tags and length"),
}


class AudioForm(forms.Form):
    """A ZIP with the audio of waiting recordings, and perhaps a table of its files."""

    archive = forms.FileField(label=_("Audio files (ZIP)"))
    table = forms.FileField(
        required=False,
        label=_("Table of the files (CSV or XLSX)"),
        help_text=_("Only needed where names and tags do not say what a file is."),
    )


def _context(import_: AudioImport) -> dict[str, Any]:  # Any: values for a template
    pairs = import_.summary.get("pairs", [])
    return {"pairs": [{**pair, "rule": _RULES[pair["rule"]]} for pair in pairs]}


AUDIO = register(
    ImportKind(
        key="audio",
        name="audio_import",
        model=AudioImport,
        work="imports.audio.importer.run",
        event="bucket.audio",
        action=Action.EDIT_CATALOGUE,
        labels=(
            _("Check of audio files"),
            _("Audio for waiting recordings"),
            _("Check of an undo of audio"),
            _("Undo of audio for waiting recordings"),
        ),
        related=("bucket",),
        scheduling={"duty": duty_of_intake},
        form=AudioForm,
        uploads={
            "archive": ("file", "imports/{}/audio.zip"),
            "table": ("table", "imports/{}/table"),
        },
        columns=("bucket",),
        summary=AudioSummary,
        address="catalogue/add-audio",
        parent="portal:catalogue",
        parent_title=_("Catalogue"),
        title=_("Add audio"),
        lead=_(
            "Gives recordings that wait for it their audio. The files are paired first; "
            "no recording gets its audio until you confirm."
        ),
        start_label=_("Give them their audio"),
        words=replace(OF_FILE, check=_("Pair the files")),
        context=_context,
        undoers={"recording.audio_given": "imports.audio.undoing.take_audio_back"},
    )
)
