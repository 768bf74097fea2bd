"""Reading imports."""

from __future__ import annotations

from imports.models import ImportStatus, MappedImport


def last_import_like(import_: MappedImport, header_key: str) -> MappedImport | None:
    """Return the newest finished import with the same header into the same place."""
    place = {import_.mapped_for: getattr(import_, import_.mapped_for)}
    done = type(import_)._default_manager.filter(
        **place, header_key=header_key, status=ImportStatus.DONE
    )
    return done.order_by("-id").first()
