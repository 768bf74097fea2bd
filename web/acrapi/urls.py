"""URLs of the wire protocol: no trailing slash, no redirects, on every host."""

from __future__ import annotations

from django.urls import path, re_path

from base.common.routing import patterns_of, wire_api
from web.acrapi import errors
from web.acrapi.views import (
    bucket_files,
    buckets,
    containers,
    dedup,
    docs,
    files,
    identify,
    uploads,
)

_CONTAINER = "api/fs-containers/<str:container_id>"
_BUCKET = "api/buckets/<str:bucket_id>"

urlpatterns = [
    path("api/fs-containers", containers.ContainersView.as_view()),
    path(_CONTAINER, containers.ContainerView.as_view()),
    path(f"{_CONTAINER}/presigned-upload", uploads.PresignedUploadView.as_view()),
    path(f"{_CONTAINER}/files", files.FilesView.as_view()),
    path(f"{_CONTAINER}/files/<str:ids>", files.FileView.as_view()),
    path(f"{_CONTAINER}/files/<str:ids>/rescan", files.RescanView.as_view()),
    path("api/buckets", buckets.BucketsView.as_view()),
    path(_BUCKET, buckets.BucketView.as_view()),
    path(f"{_BUCKET}/files", bucket_files.BucketFilesView.as_view()),
    # Before the pattern for ids, which would match these names.
    path(f"{_BUCKET}/files/move", bucket_files.MoveAwayView.as_view()),
    path(f"{_BUCKET}/files/dump", bucket_files.BucketDumpView.as_view()),
    path(f"{_BUCKET}/files/<str:ids>", bucket_files.BucketFileView.as_view()),
    path(f"{_BUCKET}/files/<str:ids>/move", bucket_files.MoveHereView.as_view()),
    path(f"{_BUCKET}/dedup-files", dedup.DedupFilesView.as_view()),
    path(f"{_BUCKET}/dedup-files/<str:ids>", dedup.DedupFileView.as_view()),
    *patterns_of(wire_api),
    path("v1/identify", identify.IdentifyView.as_view()),
    path("uploads/<str:uid>", uploads.UploadView.as_view(), name="acrapi-upload"),
    path("api/schema", docs.SchemaView.as_view(), name="api-schema"),
    path("api/docs/", docs.docs, name="api-docs"),
    re_path(r"^api(?:/(?P<rest>.*))?$", errors.unknown),
    re_path(r"^v1(?:/(?P<rest>.*))?$", errors.unknown),
    re_path(r"^uploads(?:/(?P<rest>.*))?$", errors.unknown),
]
