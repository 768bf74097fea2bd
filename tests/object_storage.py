"""An S3 server on this machine, and media storage that uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import requests
from django.test import override_settings

from base.common.storage_url import storage_options

if TYPE_CHECKING:
    from moto.server import ThreadedMotoServer


@cache
def _server() -> ThreadedMotoServer:
    # Takes long to load, and all processes collect all tests.
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    return server


@contextmanager
def s3_server() -> Iterator[str]:
    """Yield the address of an S3 server without buckets, one for all tests."""
    host, port = _server().get_host_and_port()
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10).raise_for_status()
    yield f"{host}:{port}"


@contextmanager
def media_at(address: str) -> Iterator[None]:
    """Use the bucket ``media`` of an S3 storage for media for the rest of the test."""
    fields = {
        "BACKEND": "base.common.object_storage.ObjectStorage",
        "OPTIONS": storage_options(f"s3://key:secret@{address}/media?https=off"),
    }
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES={"default": fields, "staticfiles": static}):
        yield
