"""URLs of review: a match and its decisions, the queue, disputes, saved views."""

from __future__ import annotations

from django.urls import path

from web.portal.review import (
    bulk_views,
    dispute_views,
    exclusion_views,
    file_views,
    proposal_views,
    queue_views,
    range_views,
    rows,
    saved_views,
    sheet_views,
    use_views,
    version_views,
    views,
)

urlpatterns = [
    path("m/<str:uid>/versions/", version_views.answer_for_pair, name="match_versions"),
    path("m/<str:uid>/use", use_views.match_use, name="match_use"),
    path("queue/", queue_views.queue, name="queue"),
    path("queue/changes/", rows.queue_changes, name="queue_changes"),
    path("queue/files/", queue_views.unmatched, name="queue_files"),
    path("queue/files/<uuid:uid>/", queue_views.judge_unmatched, name="judge_unmatched"),
    path("queue/disputes/", dispute_views.dispute_list, name="dispute_list"),
    path("queue/disputes/changes/", dispute_views.dispute_changes, name="dispute_changes"),
    path("queue/mine/", queue_views.my_decisions, name="my_decisions"),
    path("queue/decide/", bulk_views.decide_many, name="decide_many"),
    path("queue/views/", saved_views.view_save, name="view_save"),
    path("queue/views/<str:uid>/default/", saved_views.view_default, name="view_default"),
    path("queue/views/<str:uid>/remove/", saved_views.view_remove, name="view_remove"),
    path("files/<uuid:uid>/review/", file_views.file_review, name="file_review"),
    path(
        "files/<uuid:uid>/review/changes/",
        file_views.file_review_changes,
        name="file_review_changes",
    ),
    path("files/<uuid:uid>/review/sound/", file_views.file_review_sound, name="file_review_sound"),
    path("files/<uuid:uid>/review/entry/", file_views.file_review_entry, name="file_review_entry"),
    path("files/<uuid:uid>/range/", range_views.file_range, name="file_range"),
    path(
        "files/<uuid:uid>/range/recording/",
        range_views.file_range_recording,
        name="file_range_recording",
    ),
    path("m/<str:uid>", views.review, name="match"),
    path("m/<str:uid>/preview", views.preview, name="match_preview"),
    path("m/<str:uid>/decide", views.decide, name="match_decide"),
    path("m/<str:uid>/take-back", views.take_back, name="match_take_back"),
    path("m/<str:uid>/dispute", views.decide, name="match_dispute"),
    path("m/<str:uid>/note", views.note, name="match_note"),
    path("m/<str:uid>/speech", views.speech, name="match_speech"),
    path("m/<str:uid>/lock", views.lock, name="match_lock"),
    path("m/<str:uid>/release", views.release, name="match_release"),
    path("m/<str:uid>/exclude", exclusion_views.exclude, name="match_exclude"),
    path("m/<str:uid>/exclude/<str:exclusion>", proposal_views.proposal, name="match_proposal"),
    path("matches/changes/", rows.match_changes, name="match_changes"),
    path("matches/", queue_views.match_list, name="match_list"),
    path("files/<uuid:uid>/cue-sheet/edit/", sheet_views.cue_sheet_edit, name="cue_sheet_edit"),
    path(
        "files/<uuid:uid>/cue-sheet/answer/", sheet_views.cue_sheet_answer, name="cue_sheet_answer"
    ),
    path("files/<uuid:uid>/cue-sheet/entry/", sheet_views.cue_sheet_entry, name="cue_sheet_entry"),
    path(
        "files/<uuid:uid>/cue-sheet/edits/<str:edit>/back/",
        sheet_views.cue_sheet_back,
        name="cue_sheet_back",
    ),
]
