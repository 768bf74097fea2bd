"""The API of letters."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from plugins.letters.models import Letter
from web.portal.api.base import ProgramView


class LetterSerializer(serializers.ModelSerializer[Letter]):
    """A letter."""

    match = serializers.CharField(source="match.uid", read_only=True)

    class Meta:
        model = Letter
        fields = ("uid", "match", "text")
        read_only_fields = fields


class LettersView(ProgramView):
    """All letters."""

    @extend_schema(responses=LetterSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return the letters, the latest first."""
        letters = Letter.objects.select_related("match")
        return Response(LetterSerializer(letters, many=True).data)


urlpatterns = [path("letters/", LettersView.as_view(), name="letters")]
