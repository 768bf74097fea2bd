"""URLs of the portal's own API."""

from __future__ import annotations

from django.urls import path

from base.common.routing import patterns_of, portal_api
from web.portal.api import (
    followed,
    imports,
    matches,
    programmes,
    recordings,
    reports,
    statements,
    timelines,
    uploads,
    views,
)

app_name = "api"

urlpatterns = [
    path("files/", views.FileUploadView.as_view(), name="files"),
    path("files/known/", uploads.KnownFileView.as_view(), name="known_file"),
    path("files/<uuid:uid>/", views.FileStateView.as_view(), name="file"),
    path("files/<uuid:uid>/rescan/", views.FileRescanView.as_view(), name="rescan"),
    path("files/<uuid:uid>/cancel/", views.CancelView.as_view(), name="cancel"),
    path("files/<uuid:uid>/audio/", views.AudioView.as_view(), name="attach_audio"),
    path("files/<uuid:uid>/episode/", programmes.EpisodeView.as_view(), name="episode"),
    path("files/<uuid:uid>/uses/", programmes.MusicUsesView.as_view(), name="uses"),
    path("files/<uuid:uid>/timeline/", timelines.FileTimelineView.as_view(), name="file_timeline"),
    path("uploads/", uploads.UploadsView.as_view(), name="uploads"),
    path("uploads/<uuid:uid>/", uploads.ResumableUploadView.as_view(), name="upload"),
    path("uploads/<uuid:uid>/finish/", uploads.FinishUploadView.as_view(), name="finish_upload"),
    path("links/", views.LinksView.as_view(), name="links"),
    path("links/read/", views.LinkTextView.as_view(), name="read_links"),
    path("matches/", followed.MatchesView.as_view(), name="matches"),
    path("matches/<str:uid>/", matches.MatchView.as_view(), name="match"),
    path("matches/<str:uid>/decisions/", matches.DecisionsView.as_view(), name="match_decisions"),
    path(
        "matches/<str:uid>/version-answers/",
        matches.VersionAnswerView.as_view(),
        name="match_version_answers",
    ),
    path("matches/<str:uid>/disputes/", matches.DisputesView.as_view(), name="match_disputes"),
    path("decisions/", followed.MatchDecisionsView.as_view(), name="decisions"),
    path("disputes/", followed.DisputesView.as_view(), name="disputes"),
    path("licences/", followed.LicencesView.as_view(), name="licences"),
    path("policies/", followed.PoliciesView.as_view(), name="policies"),
    path("exclusions/", followed.ExclusionsView.as_view(), name="exclusions"),
    path("recordings/", followed.RecordingsView.as_view(), name="recordings"),
    path(
        "recordings/<str:acr_id>/fingerprint/",
        recordings.FingerprintView.as_view(),
        name="recording_fingerprint",
    ),
    path("statements/", statements.StatementsView.as_view(), name="statements"),
    path("statements/<str:uid>/", statements.StatementView.as_view(), name="statement"),
    path(
        "statements/<str:uid>/facts/",
        statements.StatementFactsView.as_view(),
        name="statement_facts",
    ),
    path(
        "statements/<str:uid>/differences/",
        statements.StatementDifferencesView.as_view(),
        name="statement_differences",
    ),
    path(
        "statements/<str:uid>/files/<str:form>/",
        statements.StatementFileView.as_view(),
        name="statement_file",
    ),
    path(
        "statements/<str:uid>/keep/",
        statements.StatementKeepingView.as_view(),
        name="statement_keep",
    ),
    path(
        "statements/<str:uid>/withdraw/",
        statements.StatementWithdrawalView.as_view(),
        name="statement_withdraw",
    ),
    *imports.paths(),
    path("reports/", reports.ReportsView.as_view(), name="reports"),
    path("reports/stream/", reports.StreamView.as_view(), name="report_stream"),
    path("reports/<str:uid>/", reports.RunView.as_view(), name="report"),
    path("reports/<str:uid>/file/", reports.RunFileView.as_view(), name="report_file"),
    path("reports/<str:uid>/manifest/", reports.RunManifestView.as_view(), name="report_manifest"),
    path("reports/<str:uid>/cancel/", reports.RunCancelView.as_view(), name="report_cancel"),
    *patterns_of(portal_api),
]
