"""What the page of an import of rights counts and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from base.common.reading import read_clock, read_release
from catalogue.owners.models import Party, Release, RightsRecording, Work
from plugins.rights.models import RightsImport


@dataclass(frozen=True, slots=True)
class CountedKind:
    """How many records of a kind an import made, changed or left as they were."""

    label: str | Promise
    created: int
    changed: int
    unchanged: int


_KIND_LABELS = {
    "work": _("Works"),
    "party": _("Parties"),
    "rights_recording": _("Recordings"),
    "release": _("Releases"),
}
_KIND_LABEL = {
    "work": _("Work"),
    "party": _("Party"),
    "rights_recording": _("Recording"),
    "release": _("Release"),
}


_MODELS: Mapping[str, type[Model]] = {
    "work": Work,
    "party": Party,
    "rights_recording": RightsRecording,
    "release": Release,
}
# What an import notes beside the fields of a record.
_BESIDE = {
    "number": _("Number"),
    "recordings": _("Recordings"),
    "share": _("Shares"),
    "share_withdrawn": _("Shares that ended"),
    "track": _("Tracks"),
}


def _named_change(change: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Return a new or changed record with labels for its kind and its values."""
    kind = change["kind"]
    values = [
        (_field_label(_MODELS[kind], name), _field_text(name, value))
        for name, value in change["after"].items()
    ]
    return {**change, "label": _KIND_LABEL[kind], "values": values}


def _field_label(model: type[Model], name: str) -> str:
    if name in _BESIDE:
        return str(_BESIDE[name])
    labels = {column.name: str(column.verbose_name) for column in model._meta.fields}
    return capfirst(labels.get(name, name).removesuffix(" (ms)"))


def _field_text(name: str, value: str) -> str:
    if name.endswith("_ms") and value.isdecimal():
        return read_clock(int(value))
    return read_release(value) if name == "released" else value


def outcome_context(rights_import: RightsImport) -> dict[str, Any]:
    """Return counts and changes. Any: values for a template."""
    if not rights_import.summary:
        return {}
    counts = [rights_import.summary.get(name, {}) for name in ("created", "changed", "unchanged")]
    return {
        "kinds": [
            CountedKind(label, *(count.get(kind, 0) for count in counts))
            for kind, label in _KIND_LABELS.items()
        ],
        "changes": list(map(_named_change, rights_import.summary["changes"])),
    }
