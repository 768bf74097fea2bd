"""Limits wrong passwords, in counters that all processes share.

Attempts are counted by name and address together, so a stranger who types a name cannot
lock out its owner elsewhere. Known devices and networks have counters of their own.
Guessing from many addresses meets a limit by name for all unknown ones.
``ACCOUNT_RATE_LIMITS`` has the numbers.
"""

from __future__ import annotations

from allauth.core.internal import ratelimit
from allauth.core.internal.ratelimit import RateLimitUsage
from django.http import HttpRequest

from base.accounts import places
from base.accounts.models import User


def begin(request: HttpRequest, name: str) -> RateLimitUsage | None:
    """Count an attempt before the password is checked; None if there were too many.

    ``rollback`` of the result takes the attempt back once the password was right.
    """
    name = name.lower()
    person = User.objects.filter(username__iexact=name).values_list("pk", flat=True)
    person_id = person.first()
    if device := places.device_of(request, person_id):
        return _count(request, "login_failed_device", f"{name}:{device}")
    here = _count(request, "login_failed", f"{name}:{ratelimit.get_ip(request)}")
    if here is None or places.is_known_network(request, person_id):
        return here
    anywhere = _count(request, "login_failed_unknown", name)
    return anywhere and RateLimitUsage([*here.usage, *anywhere.usage])


def _count(request: HttpRequest, action: str, key: str) -> RateLimitUsage | None:
    return ratelimit.consume(request, app="allauth.account", action=action, key=key)
