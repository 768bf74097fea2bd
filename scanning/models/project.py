"""Projects: key pairs that identify short clips in chosen buckets."""

from __future__ import annotations

import secrets

from django.db import models

from base.accounts.columns import person_field
from base.accounts.reach import PRESENT
from base.common.secret_text import seal, unseal
from base.common.uid import uid_field
from catalogue.models import Bucket


def new_access_key() -> str:
    """Return a new public key."""
    return secrets.token_hex(16)


def new_access_secret() -> str:
    """Return a new sealed signing secret; the protocol needs the secret itself."""
    return seal(secrets.token_urlsafe(30))


class Project(models.Model):
    """A key pair and the buckets in which its clients identify clips."""

    uid = uid_field("p")
    name = models.CharField(max_length=200)
    buckets = models.ManyToManyField(
        Bucket, blank=True, related_name="projects", limit_choices_to=PRESENT
    )
    access_key = models.CharField(
        max_length=64, unique=True, default=new_access_key, editable=False
    )
    access_secret_sealed = models.TextField(default=new_access_secret, editable=False)
    created_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def access_secret(self) -> str:
        """The secret that clients sign with. Raises ``SecretUnreadable``."""
        return unseal(self.access_secret_sealed)
