"""The ZIP of a signed notice: its document, its log and the evidence."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

import base.audit.services
from base.common.storage import read_bytes
from plugins.notices.checks import items_of
from plugins.notices.errors import NoticeRefused
from plugins.notices.models import TakedownNotice
from reports.evidence.services import EvidenceRefused, refuse_hidden

# No clock: the same notice and the same log give the same bytes.
_WHEN: Final = (1980, 1, 1, 0, 0, 0)


def write_archive(notice: TakedownNotice, path: Path) -> None:
    """Write a signed notice with everything that it names to a ZIP.

    Raises ``NoticeRefused`` if a file of it is no longer in the storage, or if a pack
    names what the viewer may not see.
    """
    try:
        refuse_hidden(matches=[item.match for item in items_of(notice) if item.pack])
    except EvidenceRefused as refused:
        raise NoticeRefused(refused.code, refused.message) from refused
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        sums = []
        for name, content in _documents(notice):
            archive.writestr(zipfile.ZipInfo(name, _WHEN), content)
        for item in items_of(notice):
            if item.pack is None:
                continue
            name = f"evidence/{item.pack.file_name}"
            try:
                with (
                    item.pack.file.open("rb") as source,
                    archive.open(zipfile.ZipInfo(name, _WHEN), "w", force_zip64=True) as target,
                ):
                    shutil.copyfileobj(source, target)
            except FileNotFoundError as error:
                raise NoticeRefused(
                    "lost_file",
                    _("%(name)s is no longer on the disk. Restore it from a backup.")
                    % {"name": name},
                ) from error
            sums.append(f"{item.pack.sha256}  {name}\n")
        head = [
            f"{notice.pdf_sha256}  {notice.file_name}.pdf\n",
            f"{notice.text_sha256}  {notice.file_name}.txt\n",
        ]
        archive.writestr(zipfile.ZipInfo("SHA256SUMS", _WHEN), "".join([*head, *sums]))


def _documents(notice: TakedownNotice) -> Iterator[tuple[str, bytes]]:
    try:
        pdf = read_bytes(notice.pdf)
    except FileNotFoundError as error:
        raise NoticeRefused(
            "lost_file",
            _("%(name)s is no longer on the disk. Restore it from a backup.")
            % {"name": f"{notice.file_name}.pdf"},
        ) from error
    yield f"{notice.file_name}.pdf", pdf
    yield f"{notice.file_name}.txt", notice.text.encode()
    content = json.dumps(notice.content, indent=1, ensure_ascii=False) + "\n"
    yield f"{notice.file_name}.json", content.encode()
    yield "audit.jsonl", "".join(base.audit.services.export_case(case=notice.case)).encode()
    anchors = "".join(base.audit.services.export_anchors(case=notice.case))
    if anchors:
        yield "anchors.jsonl", anchors.encode()
