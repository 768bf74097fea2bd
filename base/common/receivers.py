"""Which servers and mail domains may receive what the portal sends.

Addresses are checked when they are set and each time that something is sent.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http.request import validate_host
from django.utils.translation import gettext as _

from base.common.exchanges import LinkRefused
from base.common.http import check_link


class MailRefused(Exception):
    """No mail goes to this address; the message says why."""


def check_webhook(url: str) -> None:
    """Raise ``LinkRefused`` unless something may be posted to the address."""
    check_link(url)
    host, allowed = urlsplit(url).hostname or "", settings.ACRPORTAL_WEBHOOK_HOSTS
    if allowed and not validate_host(host, allowed):
        raise LinkRefused(
            _("nothing is posted to %(host)s, only to %(allowed)s")
            % {"host": host, "allowed": ", ".join(allowed)}
        )


def check_mail(address: str) -> None:
    """Raise ``MailRefused`` unless mail may be sent to the address."""
    try:
        validate_email(address)
    except ValidationError as error:
        raise MailRefused(
            _("%(address)s is not an email address.") % {"address": address}
        ) from error
    domain, allowed = address.rpartition("@")[2], settings.ACRPORTAL_MAIL_DOMAINS
    if allowed and not validate_host(domain.lower(), allowed):
        raise MailRefused(
            _("No mail is sent to %(address)s, only to addresses at %(allowed)s.")
            % {"address": address, "allowed": ", ".join(allowed)}
        )
