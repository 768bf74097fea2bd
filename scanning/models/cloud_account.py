"""An account at ACRCloud, or at another server that speaks its protocol."""

from __future__ import annotations

import ipaddress
import secrets
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

VENDOR_BASE_URL = "https://api-v2.acrcloud.com/api"


def new_callback_secret() -> str:
    """Return the part of a callback address that nobody can guess."""
    return secrets.token_urlsafe(24)


def check_base_url(value: str) -> None:
    """Refuse what is no address of a server."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValidationError("This is not a complete web address.") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise ValidationError("Enter an address such as https://host/api.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValidationError("The address holds no user name, query or fragment.")


def networks_of(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Return the networks that a text names, one per line or comma."""
    return [ipaddress.ip_network(one) for one in text.replace(",", " ").split()]


def check_networks(value: str) -> None:
    """Refuse what names no networks."""
    try:
        networks_of(value)
    except ValueError as error:
        raise ValidationError(f"{error}. Enter networks such as 192.0.2.0/24.") from (
            error
        )


class CloudAccount(models.Model):
    """Where files are sent, and with which right.

    ``token_sealed`` is opened for each call and shown to nobody. While the service
    refuses calls (quota, rate, token), ``paused_until`` keeps all files waiting.
    """

    name = models.CharField(max_length=200, unique=True)
    base_url = models.CharField(
        "base address",
        max_length=500,
        default=VENDOR_BASE_URL,
        validators=[check_base_url],
    )
    region = models.CharField(
        max_length=32,
        default="eu-west-1",
        help_text="eu-west-1, us-west-2 or ap-southeast-1; as in the ACRCloud console.",
    )
    token_sealed = models.TextField(editable=False)
    callback_secret = models.CharField(
        max_length=64, unique=True, default=new_callback_secret, editable=False
    )
    callback_networks = models.TextField(
        blank=True,
        default="",
        validators=[check_networks],
        help_text="Networks that callbacks may come from; empty: any.",
    )
    paused_until = models.DateTimeField(null=True, blank=True, editable=False)
    pause_code = models.CharField(max_length=40, blank=True, default="", editable=False)
    pause_message = models.CharField(
        max_length=1000, blank=True, default="", editable=False
    )
    pauses = models.PositiveSmallIntegerField(default=0, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
