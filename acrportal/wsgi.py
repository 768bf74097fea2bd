"""The WSGI application that a web server runs."""

from __future__ import annotations

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")

# A page runs some thirty queries, each of which releases the GIL. Getting it back takes
# up to one switch interval, which is 5 ms by default.
sys.setswitchinterval(0.001)

application = get_wsgi_application()
