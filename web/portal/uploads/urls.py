"""URLs of uploads and links."""

from __future__ import annotations

from django.urls import path

from web.portal.uploads import link_views, views

urlpatterns = [
    path("upload/", views.upload, name="upload"),
    path("links/", link_views.links, name="links"),
    path("links/feed/", link_views.feed, name="link_feed"),
    path("links/feed/items/", link_views.feed_items, name="link_feed_items"),
]
