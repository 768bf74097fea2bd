"""API views of statements: those that differ, their files, and what people do with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.audit.models import Event
from base.common.api_requests import ChoiceField, valid_data, valid_query
from statements import services
from statements.choices import StatementState, kind_choices
from statements.facts import fact_rows
from statements.following import differences_for_the_record
from statements.kinds import Difference
from statements.models import Statement, StatementFact, StatementFile, StatementStep
from statements.selectors import (
    Subset,
    acts_on,
    differing,
    is_kept,
    list_statements,
    seen_matches,
    statement_in_reach,
)
from web.portal.api.base import ProgramView
from web.portal.api.changes import AskedChangesSerializer, ChangesView, Query
from web.portal.api.parts import part_of
from web.portal.statements.lists import STATEMENTS


class _KindField(ChoiceField):
    """A kind of statements, of those that this installation has."""

    def __init__(self, **options: Any) -> None:  # Any: the options of any field
        super().__init__(choices=(), **options)

    def bind(self, field_name: str, parent: Any) -> None:  # Any: as in its base
        """Read the kinds, which are not complete while this module is imported."""
        super().bind(field_name, parent)
        self.choices = kind_choices()


class AskedStatementsSerializer(AskedChangesSerializer):
    """Which statements to return."""

    kind = _KindField(required=False, default="")
    state = ChoiceField(choices=StatementState.choices, required=False, default="")
    to_correct = serializers.BooleanField(
        default=False, help_text="Only those that differ and that nobody keeps."
    )


class StatementSerializer(serializers.ModelSerializer[Statement]):
    """A statement; ``differs_in`` are at most 20 of ``differs_count`` sentences."""

    page = serializers.CharField(source="page_url", read_only=True)
    differs_in = serializers.SerializerMethodField()
    kept = serializers.SerializerMethodField()
    kept_by = serializers.CharField(source="kept_by.username", default="", read_only=True)

    class Meta:
        model = Statement
        fields: tuple[str, ...] = (
            *("uid", "kind", "subject", "name", "version", "state", "created_at"),
            *("changed_at", "issued_at", "differs_since", "differs_in"),
            *("differs_count", "differs_sha256", "kept", "kept_by", "kept_at"),
            *("kept_until", "kept_why", "page"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_differs_in(self, statement: Statement) -> list[str]:
        """Return the sentences that the caller may see, in English."""
        difference = self.context["differing"].get(statement.pk)
        return list(difference.texts) if difference else []

    def get_kept(self, statement: Statement) -> bool:
        """Return whether somebody keeps it with what it differs in."""
        return is_kept(statement)


class StatementStepSerializer(serializers.ModelSerializer[StatementStep]):
    """A step of a statement."""

    class Meta:
        model = StatementStep
        fields = ("state", "person_name", "at", "note")
        read_only_fields = fields


class StatementFileSerializer(serializers.ModelSerializer[StatementFile]):
    """A file of a statement."""

    class Meta:
        model = StatementFile
        fields = ("format", "name", "sha256", "size_bytes")
        read_only_fields = fields


class StatementActSerializer(serializers.ModelSerializer[Event]):
    """An act on a statement, even one that left its state as it was."""

    class Meta:
        model = Event
        fields = ("action", "actor_name", "via", "at", "note")
        read_only_fields = fields


class WholeStatementSerializer(StatementSerializer):
    """A statement with its steps, files and history."""

    steps = StatementStepSerializer(many=True, read_only=True)
    files = StatementFileSerializer(many=True, read_only=True)
    history = serializers.SerializerMethodField()

    class Meta(StatementSerializer.Meta):
        fields = (*StatementSerializer.Meta.fields, "steps", "files", "history")
        read_only_fields = fields

    @extend_schema_field(StatementActSerializer(many=True))
    def get_history(self, statement: Statement) -> object:
        """Return what people did with it, the newest first."""
        return StatementActSerializer(acts_on(statement), many=True).data


class AskedFactsSerializer(serializers.Serializer[None]):
    """Which part of the facts to return."""

    after = serializers.RegexField(
        r"^[0-9]{1,18}$", required=False, default="", help_text="``next`` of the part before."
    )


class FactSerializer(serializers.ModelSerializer[StatementFact]):
    """What a statement says of one use; ``cells`` depend on its kind."""

    class Meta:
        model = StatementFact
        fields = (
            *("match", "recording", "file", "broadcast"),
            *("start_ms", "end_ms", "state", "cells"),
        )
        read_only_fields = fields


class FactsPartSerializer(serializers.Serializer[dict[str, object]]):
    """A part of the facts; ``hidden`` of it are left out, ``next`` is empty at the end."""

    facts = FactSerializer(many=True)
    hidden = serializers.IntegerField()
    next = serializers.CharField(allow_blank=True)


class DifferenceSerializer(serializers.Serializer[Difference]):
    """A sentence about what a statement says otherwise than the portal today."""

    text = serializers.CharField()
    match = serializers.CharField(allow_blank=True)


class DifferencesSerializer(serializers.Serializer[dict[str, object]]):
    """All differences of a statement; ``hidden`` of them are left out."""

    differences = DifferenceSerializer(many=True)
    hidden = serializers.IntegerField()


class KeepingSerializer(serializers.Serializer[None]):
    """Why a statement stays although it differs."""

    differs_sha256 = serializers.CharField(
        max_length=64, help_text="Of the statement as you saw it."
    )
    why = serializers.CharField(max_length=1000)
    until = serializers.DateField(required=False, default=None, allow_null=True)


class WithdrawalSerializer(serializers.Serializer[None]):
    """Why a statement is withdrawn."""

    why = serializers.CharField(max_length=1000)


class StatementsView(ChangesView[Statement], name="statements"):
    """Lists statements, by the changes of state, differences and the decision to keep one."""

    row = StatementSerializer
    filters = AskedStatementsSerializer
    changed = "changed_at"

    def rows(self, query: Query) -> QuerySet[Statement]:
        """Return the statements, of every state."""
        subset = Subset.TO_CORRECT if query["to_correct"] else Subset.ALL
        rows = STATEMENTS.select_for(query, list_statements(subset=subset))
        return rows.select_related("kept_by")

    def context(self, rows: Sequence[Statement]) -> Mapping[str, Any]:  # Any: as in its base
        """Return what the caller may read of the differences."""
        return {"differing": differing(rows)}


class StatementView(ProgramView):
    """Reads one statement."""

    @extend_schema(responses=WholeStatementSerializer)
    def get(self, request: Request, uid: str) -> Response:
        """Return the statement with its steps, files and history."""
        return Response(_serialize(_find(uid)))


class StatementFactsView(ProgramView):
    """Reads what a statement says of uses."""

    @extend_schema(parameters=[AskedFactsSerializer], responses=FactsPartSerializer)
    def get(self, request: Request, uid: str) -> Response:
        """Return at most 500 facts, without those that the caller may not see."""
        statement = _find(uid)
        query = valid_query(AskedFactsSerializer, request)
        some, following = part_of(statement.facts.all(), "pk", query["after"])
        seen = [row.fact for row in fact_rows(some)]
        facts = FactSerializer(seen, many=True).data
        hidden = len(some) - len(seen)
        return Response({"facts": facts, "hidden": hidden, "next": following})


class StatementDifferencesView(ProgramView):
    """Compares a statement with today."""

    @extend_schema(responses=DifferencesSerializer)
    def get(self, request: Request, uid: str) -> Response:
        """Return everything that it says otherwise, in English."""
        differences = differences_for_the_record(_find(uid))
        seen = seen_matches({difference.match for difference in differences} - {""})
        visible = [
            difference
            for difference in differences
            if not difference.match or difference.match in seen
        ]
        return Response(
            {
                "differences": [DifferenceSerializer(difference).data for difference in visible],
                "hidden": len(differences) - len(visible),
            }
        )


class StatementFileView(ProgramView):
    """Sends a file of a statement."""

    reads = Action.REPORT
    http_method_names = ["get", "options"]

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, uid: str, form: str) -> FileResponse:
        """Send the bytes as they were approved or sent."""
        stored = get_object_or_404(_find(uid).files, format=form)
        content = services.hand_out(file=stored, actor=self.person)
        return FileResponse(BytesIO(content), as_attachment=True, filename=stored.name)


class StatementKeepingView(ProgramView):
    """Keeps a statement."""

    changes = Action.DECIDE
    http_method_names = ["post", "options"]

    @extend_schema(request=KeepingSerializer, responses=WholeStatementSerializer)
    def post(self, request: Request, uid: str) -> Response:
        """Keep it with the differences that the caller saw; answer 409 for others."""
        statement = _find(uid)
        body = valid_data(KeepingSerializer(data=request.data))
        services.keep(statement=statement, user=self.person, **body)
        return Response(_serialize(_find(uid)))


class StatementWithdrawalView(ProgramView):
    """Withdraws a statement."""

    changes = Action.DECIDE
    http_method_names = ["post", "options"]

    @extend_schema(request=WithdrawalSerializer, responses=WholeStatementSerializer)
    def post(self, request: Request, uid: str) -> Response:
        """Withdraw it by the rules of its kind; answer 409 if they refuse."""
        statement = _find(uid)
        why = valid_data(WithdrawalSerializer(data=request.data))["why"]
        services.withdraw(statement=statement, user=self.person, why=why)
        return Response(_serialize(_find(uid)))


def _find(uid: str) -> Statement:
    statement = statement_in_reach(uid)
    if statement is None:
        raise Http404
    return statement


def _serialize(statement: Statement) -> object:
    context = {"differing": differing([statement])}
    return WholeStatementSerializer(statement, context=context).data
