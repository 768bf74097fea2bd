"""Saved views of the queue: filters and an order under a name."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from base.common.uid import uid_field


class SavedView(models.Model):
    """A query string of the queue, under a name.

    Everybody sees shared views; only the owner changes them. The queue opens with the
    owner's default view.
    """

    uid = uid_field("v")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views"
    )
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=1000, blank=True, default="")
    is_shared = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="saved_view_name_unique"),
            models.UniqueConstraint(
                fields=["owner"], condition=models.Q(is_default=True), name="saved_view_one_default"
            ),
        ]

    def __str__(self) -> str:
        return self.name
