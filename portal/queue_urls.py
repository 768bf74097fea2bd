"""Addresses of the queue: its lists, its saved views, one decision for many; disputes."""

from __future__ import annotations

from django.urls import path

from portal.views import bulk, disputes, queue, saved_views

urlpatterns = [
    path("queue/", queue.queue, name="queue"),
    path("queue/files/", queue.unmatched, name="queue_files"),
    path("queue/files/<uuid:uid>/", queue.judge_unmatched, name="judge_unmatched"),
    path("queue/disputes/", disputes.dispute_list, name="dispute_list"),
    path("m/<str:uid>/dispute", disputes.move, name="match_dispute"),
    path("queue/decide/", bulk.decide_many, name="decide_many"),
    path("queue/views/", saved_views.view_save, name="view_save"),
    path(
        "queue/views/<str:uid>/default/", saved_views.view_default, name="view_default"
    ),
    path("queue/views/<str:uid>/remove/", saved_views.view_remove, name="view_remove"),
]
