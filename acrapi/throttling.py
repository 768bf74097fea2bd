"""How often one token, one project or one stranger may call."""

from __future__ import annotations

from django.conf import settings
from django.core.cache import caches
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from accounts.models import ApiToken


class TokenThrottle(SimpleRateThrottle):
    """Counts per token; calls without one count per address."""

    duration: int
    num_requests: int

    scope = "api"
    # Counted by each process: a call must not cost a write to the database.
    cache = caches["process"]

    def get_rate(self) -> str | None:
        """Return the rate of the settings; None switches throttling off."""
        if not settings.ACRPORTAL_API_THROTTLE:
            return None
        return f"{settings.ACRPORTAL_API_RATE}/second"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Name the counter."""
        token = request.auth
        ident = token.uid if isinstance(token, ApiToken) else self.get_ident(request)
        return self.cache_format % {"scope": self.scope, "ident": ident}


class ProjectThrottle(TokenThrottle):
    """Counts per access key of ``/v1/identify``."""

    scope = "identify"

    def allows(self, access_key: str) -> bool:
        """Count one call; tell whether it may go on."""
        if self.rate is None:
            return True
        self.key = self.cache_format % {"scope": self.scope, "ident": access_key}
        self.history = self.cache.get(self.key, [])
        self.now = self.timer()
        while self.history and self.history[-1] <= self.now - self.duration:
            self.history.pop()
        if len(self.history) >= self.num_requests:
            return False
        return bool(self.throttle_success())
