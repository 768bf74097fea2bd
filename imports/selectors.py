"""Reading imports."""

from __future__ import annotations

from catalogue.models import Bucket
from imports.models import CatalogueImport, ImportStatus


def last_import_like(*, bucket: Bucket, header_key: str) -> CatalogueImport | None:
    """Return the bucket's newest finished import of a table with the same header."""
    done = CatalogueImport.objects.filter(
        bucket=bucket, header_key=header_key, status=ImportStatus.DONE
    )
    return done.order_by("-id").first()
