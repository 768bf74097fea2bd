"""The URL of the page *More*."""

from __future__ import annotations

from django.urls import path

from web.portal.more import views

urlpatterns = [path("more/", views.more, name="more")]
