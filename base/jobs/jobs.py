"""The regular work on jobs themselves, and on the audit trail below them."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from base.jobs.periodic import periodic

periodic(
    "job_retention",
    "base.jobs.services.prune",
    every=timedelta(minutes=1),
    label=_("Removal of old jobs"),
)
periodic(
    "audit_anchors",
    "base.audit.anchors.make_due_anchors",
    every=timedelta(minutes=5),
    label=_("Anchors of the audit trail"),
)
