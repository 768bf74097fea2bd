"""ZIP files whose bytes depend only on their content."""

from __future__ import annotations

import zipfile

# The first moment that a ZIP can name.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def entry(name: str) -> zipfile.ZipInfo:
    """Return the heading of a compressed file in a ZIP."""
    info = zipfile.ZipInfo(name, _EPOCH)
    # Unix with mode 644, whatever the system.
    info.create_system = 3
    info.external_attr = 0o644 << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info
