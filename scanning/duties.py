"""What scans and polls need on their machine: the reader of links, and folders of drops."""

from __future__ import annotations

import posixpath
import shlex
import shutil
from importlib.util import find_spec
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from base.jobs.resources import Duty, register_duty
from scanning.choices import SourceType
from scanning.models import Drop, Scan

_LINK_READER: Final = "link_reader"
_FOLDER: Final = "folder"
# As long as the column of jobs.
_CHARACTERS: Final = 80


def duty_of_scan(scan: Scan) -> str:
    """Return the duty of a scan: that of fetching, if its file is still to be fetched."""
    file = scan.scanned_file
    is_to_fetch = file.source_type == SourceType.LINK and not file.media
    return _LINK_READER if is_to_fetch else ""


def duty_of_poll(drop: Drop) -> str:
    """Return the duty of a poll: that of the allowed folder which the drop lies in."""
    root = root_of(drop.place)
    return _folder(root) if root else ""


def root_of(place: str) -> str | None:
    """Return the allowed folder in which a folder lies, the innermost if several."""
    fitting = [
        root
        for root in map(posixpath.normpath, settings.ACRPORTAL_DROP_ROOTS)
        if root.startswith("/") and f"{place}/".startswith(f"{root.rstrip('/')}/")
    ]
    return max(fitting, key=len, default=None)


def _folder(root: str) -> str:
    return f"{_FOLDER}:{root}"[:_CHARACTERS]


def _reader_here() -> dict[str, str]:
    program = shlex.split(settings.ACRPORTAL_YTDLP_COMMAND)
    is_here = shutil.which(program[0]) if program else find_spec("yt_dlp")
    return {_LINK_READER: ""} if is_here else {}


def _folders_here() -> dict[str, str]:
    roots = map(posixpath.normpath, settings.ACRPORTAL_DROP_ROOTS)
    return {_folder(root): "" for root in roots if root.startswith("/")}


register_duty(
    Duty(
        _LINK_READER,
        here=_reader_here,
        words=lambda _part: _("a program that reads links"),
        remedy=lambda _part: _("Correct ACRPORTAL_YTDLP_COMMAND on a machine."),
    )
)
register_duty(
    Duty(
        _FOLDER,
        here=_folders_here,
        words=lambda path: _("the folder %(path)s") % {"path": path},
        remedy=lambda _path: _(
            "Name it in ACRPORTAL_DROP_ROOTS of a machine that has it, and start its worker."
        ),
    )
)
