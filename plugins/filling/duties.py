"""Which machines read open data, and which search in it: those with its indexes.

An index is a file of the machine that read its source, and a search needs them all. So a
source is read where the others are, and one after the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from base.jobs import machines
from base.jobs.resources import Duty, register_duty
from plugins.filling.indexes import index_path
from plugins.filling.models import EnrichmentSource

SEARCHING: Final = "open_data"
"""The duty of machines with the indexes of all sources that were read."""
_READING: Final = "open_data_reading"


def duty_of_reading(source: EnrichmentSource) -> str:
    """Return the duty of reading a source; an operator's file lies on one machine."""
    return _READING if source.upload else f"{_READING}:{source.uid}"


def _indexes() -> list[bool]:
    """Return of each source that was read whether its index is here."""
    read = EnrichmentSource.objects.exclude(read_at=None)
    return [index_path(source).exists() for source in read]


def _read_here() -> dict[str, str]:
    """Return what can be read here: nothing while another machine has more indexes."""
    indexes = sum(_indexes())
    stated = [
        int(machine.duties.get(_READING, 0)) for machine in machines.seen() & machines.others()
    ]
    if indexes < max(stated, default=0):
        return {}
    files = EnrichmentSource.objects.exclude(path="").values_list("uid", "path")
    here = {f"{_READING}:{uid}": "" for uid, path in files if Path(path).is_file()}
    return {_READING: str(indexes), **here}


def _reading_words(uid: str) -> str:
    source = EnrichmentSource.objects.filter(uid=uid).first()
    if source is None:
        return _("the open data that was read before")
    return _("the file %(path)s, and the open data that was read before") % {"path": source.path}


register_duty(
    Duty(
        SEARCHING,
        here=lambda: {SEARCHING: ""} if all(_indexes()) else {},
        words=lambda _part: _("the indexes of all open data"),
        remedy=lambda _part: _(
            "Start the worker of the machine that read it, or read the sources again."
        ),
    )
)
register_duty(
    Duty(
        _READING,
        here=_read_here,
        words=_reading_words,
        remedy=lambda _part: _("Put the file there, or start that machine's worker."),
    )
)
