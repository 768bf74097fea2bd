"""Parses ``STORAGE_URL``; separate, because settings cannot import the storage."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_FORM = "s3://KEY:SECRET@host[:port]/bucket[?region=NAME&https=off]"


def storage_options(
    url: str, setting: str = "STORAGE_URL"
) -> dict[str, Any]:  # Any: options of several types
    """Return the options of ``ObjectStorage`` from an address such as ``STORAGE_URL``."""
    parts = urlsplit(url)
    bucket = parts.path.strip("/")
    complete = parts.hostname and parts.username and parts.password and bucket
    if parts.scheme != "s3" or not complete or "/" in bucket:
        raise ImproperlyConfigured(f"{setting} must have the form {_FORM}.")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    scheme = "http" if options.get("https") == "off" else "https"
    host = parts.netloc.rpartition("@")[2]
    return {
        "endpoint_url": f"{scheme}://{host}",
        "bucket_name": bucket,
        "access_key": unquote(parts.username or ""),
        "secret_key": unquote(parts.password or ""),
        "region_name": options.get("region", "us-east-1"),
        "addressing_style": "path",
        "signature_version": "s3v4",
        # Names are never reused; this prevents overwriting a file by accident.
        "file_overwrite": False,
        "default_acl": None,
        # A larger file that is read goes to the disk, because memory is limited.
        "max_memory_size": 16 * 1024**2,
    }
