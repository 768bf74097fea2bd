"""Buckets: ``/api/buckets``."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import valid_data
from catalogue.changes import delete_bucket, update_bucket
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Bucket, IntakeRule
from catalogue.services import create_bucket
from web.acrapi.auth import user_of
from web.acrapi.errors import invalid
from web.acrapi.lookup import bucket_of
from web.acrapi.pagination import paged
from web.acrapi.schema import PAGE, UNFIT, UNKNOWN, described
from web.acrapi.serializers.buckets import (
    BucketRequestSerializer,
    BucketSerializer,
    BucketUpdateSerializer,
    bucket_columns,
    bucket_shapes,
)
from web.acrapi.serializers.envelopes import InvalidSerializer, enveloped, list_page
from web.acrapi.views.base import WireView
from web.acrapi.views.containers import query_text

_TAG = "buckets"
_WRITES = {
    "POST": Action.EDIT_CATALOGUE,
    "PUT": Action.EDIT_CATALOGUE,
    "DELETE": Action.EDIT_CATALOGUE,
}


class BucketsView(WireView):
    """All buckets."""

    actions = _WRITES

    @described(
        _TAG,
        "List buckets, newest first",
        {200: list_page(BucketSerializer)},
        parameters=[
            *PAGE,
            OpenApiParameter("region", str, description="Exactly this region."),
            OpenApiParameter("type", str, description="File or DedupFile."),
        ],
        name="list_buckets",
    )
    def get(self, request: Request) -> Response:
        """Return a page of buckets."""
        rows = Bucket.objects.present().order_by("-id")
        if region := query_text(request, "region"):
            rows = rows.filter(region=region)
        if kind := query_text(request, "type"):
            rows = rows.filter(bucket_type=kind)
        return Response(paged(request, rows, bucket_shapes))

    @described(
        _TAG,
        "Create a bucket",
        {201: enveloped(BucketSerializer)} | UNFIT,
        request=BucketRequestSerializer,
        name="create_bucket",
    )
    def post(self, request: Request) -> Response:
        """Create a bucket that accepts all recordings, duplicates too."""
        columns = bucket_columns(valid_data(BucketRequestSerializer(data=request.data)))
        bucket = create_bucket(
            name=columns.pop("name"),
            intake_rule=IntakeRule.IGNORE,
            user=user_of(request),
            **columns,
        )
        return Response({"data": bucket_shapes([bucket])[0]}, status=201)


class BucketView(WireView):
    """One bucket."""

    actions = _WRITES

    @described(
        _TAG, "Show a bucket", {200: enveloped(BucketSerializer)} | UNKNOWN, name="show_bucket"
    )
    def get(self, request: Request, bucket_id: str) -> Response:
        """Return the bucket."""
        return Response({"data": bucket_shapes([bucket_of(bucket_id)])[0]})

    @described(
        _TAG,
        "Change a bucket",
        {200: enveloped(BucketSerializer)} | UNKNOWN | UNFIT,
        request=BucketUpdateSerializer,
        name="update_bucket",
    )
    def put(self, request: Request, bucket_id: str) -> Response:
        """Change the given fields."""
        bucket = bucket_of(bucket_id)
        validated = valid_data(
            BucketUpdateSerializer(data=request.data, context={"bucket": bucket})
        )
        if bucket.pk == ACRCLOUD_MUSIC_BUCKET_ID and "name" in validated:
            raise invalid(
                "name", f"{bucket.name} is reserved and keeps its name.", code="reserved_bucket"
            )
        update_bucket(bucket=bucket, columns=bucket_columns(validated), user=user_of(request))
        return Response({"data": bucket_shapes([bucket])[0]})

    @described(
        _TAG,
        "Delete a bucket with its files",
        {204: None, 422: InvalidSerializer} | UNKNOWN,
        name="delete_bucket",
    )
    def delete(self, request: Request, bucket_id: str) -> Response:
        """Delete the bucket and remove it from all containers."""
        delete_bucket(bucket=bucket_of(bucket_id), user=user_of(request))
        return Response(status=204)
