"""Accounts at ACRCloud, or at another server that speaks its protocol."""

from __future__ import annotations

import ipaddress
import secrets
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.common.secret_text import seal, unseal

VENDOR_BASE_URL = "https://api-v2.acrcloud.com/api"


def new_callback_secret() -> str:
    """Return the unguessable part of a callback address, sealed."""
    return seal(secrets.token_urlsafe(24))


def check_base_url(value: str) -> None:
    """Raise ``ValidationError`` unless this is the address of a web server."""
    try:
        parts = urlsplit(value)
        # Reading the port raises ValueError if it is no number.
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValidationError(gettext("This is not a complete web address.")) from error
    if parts.scheme not in {"http", "https"} or not host:
        raise ValidationError(gettext("Enter an address such as https://host/api."))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValidationError(gettext("Enter the address without user name, query or fragment."))


def networks_of(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Return the networks in a text, separated by commas or white space."""
    return [ipaddress.ip_network(entry) for entry in text.replace(",", " ").split()]


def check_networks(value: str) -> None:
    """Raise ``ValidationError`` unless the text lists networks."""
    try:
        networks_of(value)
    except ValueError as error:
        raise ValidationError(
            gettext("%(error)s. Enter networks such as 192.0.2.0/24.") % {"error": error}
        ) from (error)


class FormSent(models.TextChoices):
    """What is sent of files whose sound or fingerprint is here."""

    FINGERPRINT_FIRST = "fingerprint_first", _("Fingerprint if possible, else audio")
    FINGERPRINT_ONLY = "fingerprint_only", _("Fingerprint only, never audio")
    AUDIO_ALWAYS = "audio_always", _("Audio")


class CloudAccount(models.Model):
    """An address to send files to, with the token for it.

    ``token_sealed`` is decrypted for each call and never shown. While the service
    refuses calls (quota, rate, token), ``paused_until`` makes all files wait.
    """

    name = models.CharField(max_length=200, unique=True)
    base_url = models.CharField(
        _("base address"), max_length=500, default=VENDOR_BASE_URL, validators=[check_base_url]
    )
    region = models.CharField(
        max_length=32,
        default="eu-west-1",
        help_text=_("eu-west-1, us-west-2 or ap-southeast-1; as shown in the ACRCloud console."),
    )
    sends = models.CharField(
        _("what is sent"),
        max_length=20,
        choices=FormSent.choices,
        default=FormSent.FINGERPRINT_FIRST,
        help_text=_(
            "Another portal takes fingerprints instead of audio, with the same results. "
            "ACRCloud takes audio only."
        ),
    )
    token_sealed = models.TextField(editable=False)
    callback_secret_sealed = models.TextField(default=new_callback_secret, editable=False)
    callback_networks = models.TextField(
        blank=True,
        default="",
        validators=[check_networks],
        help_text=_("Networks that may send callbacks. Leave empty for any."),
    )
    paused_until = models.DateTimeField(null=True, blank=True, editable=False)
    pause_code = models.CharField(max_length=40, blank=True, default="", editable=False)
    pause_message = models.CharField(max_length=1000, blank=True, default="", editable=False)
    pauses = models.PositiveSmallIntegerField(default=0, editable=False)
    created_by = person_field(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def callback_secret(self) -> str:
        """The unguessable part of the callback address. Raises ``SecretUnreadable``."""
        return unseal(self.callback_secret_sealed)
