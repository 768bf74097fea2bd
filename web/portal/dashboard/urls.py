"""The URL of the dashboard."""

from __future__ import annotations

from django.urls import path

from web.portal.dashboard import views

urlpatterns = [path("", views.dashboard, name="dashboard")]
