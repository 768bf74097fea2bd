"""Rate limits per token, project or client address."""

from __future__ import annotations

from django.conf import settings
from django.core.cache import caches
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from accounts.models import ApiToken


class TokenThrottle(SimpleRateThrottle):
    """Counts calls per token; calls without a token per address."""

    duration: int
    num_requests: int

    scope = "api"
    # Per process: a call must not cost a database write.
    cache = caches["process"]

    def get_rate(self) -> str | None:
        """Return the configured rate; None disables throttling."""
        if not settings.ACRPORTAL_API_THROTTLE:
            return None
        return f"{settings.ACRPORTAL_API_RATE}/second"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Return the key of the counter."""
        token = request.auth
        ident = token.uid if isinstance(token, ApiToken) else self.get_ident(request)
        return self.cache_format % {"scope": self.scope, "ident": ident}


class ProjectThrottle(TokenThrottle):
    """Counts calls per access key of ``/v1/identify``."""

    scope = "identify"

    def allows(self, access_key: str) -> bool:
        """Count one call; tell whether it is allowed."""
        if self.rate is None:
            return True
        self.key = self.cache_format % {"scope": self.scope, "ident": access_key}
        # DRF's own steps, without its request: the key comes from the body.
        self.history = self.cache.get(self.key, [])
        self.now = self.timer()
        while self.history and self.history[-1] <= self.now - self.duration:
            self.history.pop()
        if len(self.history) >= self.num_requests:
            return False
        return bool(self.throttle_success())
