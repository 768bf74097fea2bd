"""URLs of evidence packs."""

from __future__ import annotations

from django.urls import path

from web.portal.evidence import views

urlpatterns = [
    path("m/<str:uid>/evidence", views.evidence, name="evidence"),
    path("evidence/<str:uid>/zip", views.evidence_zip, name="evidence_zip"),
    path("evidence/<str:uid>/cancel", views.evidence_cancel, name="evidence_cancel"),
]
