"""The API of letters."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.common.api_requests import valid_query
from plugins.letters.models import Letter
from plugins.letters.pages.lists import LETTERS
from web.portal.api.base import ProgramView

_QUERY = LETTERS.query_serializer()


class LetterSerializer(serializers.ModelSerializer[Letter]):
    """A letter."""

    match = serializers.CharField(source="match.uid", read_only=True)

    class Meta:
        model = Letter
        fields = ("uid", "match", "text")
        read_only_fields = fields


class LettersView(ProgramView):
    """All letters."""

    @extend_schema(parameters=[_QUERY], responses=LetterSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return the letters that are asked for, the latest first."""
        letters = LETTERS.select_for(valid_query(_QUERY, request))
        return Response(LetterSerializer(letters, many=True).data)


urlpatterns = [path("letters/", LettersView.as_view(), name="letters")]
