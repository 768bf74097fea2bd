"""The WSGI application that a web server runs."""

from __future__ import annotations

import os
import sys

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from common.chunked import with_chunked_bodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")

# A page asks the database some thirty times and lets other threads go on meanwhile; with
# Python's 5 ms it would wait that long for each of them to come back.
sys.setswitchinterval(0.001)

# Fields and boundaries beside the file: as much again as an upload may have of them.
_BESIDE_THE_FILE = 32 * 1024**2

application = with_chunked_bodies(
    get_wsgi_application(),
    folder=settings.FILE_UPLOAD_TEMP_DIR,
    max_bytes=settings.ACRPORTAL_MAX_FILE_BYTES + _BESIDE_THE_FILE,
)
