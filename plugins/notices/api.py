"""API views that list, prepare, sign and answer takedown notices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_requests import ChoiceField, valid_data, valid_query
from plugins.notices import answers, selectors, services, signing
from plugins.notices.answers import Reply
from plugins.notices.content import StatedPlace, places_of
from plugins.notices.models import (
    ClaimedRight,
    NoticeAnswer,
    NoticeItem,
    NoticeLaw,
    NoticeOutcome,
    TakedownNotice,
)
from plugins.notices.pages.lists import NOTICES
from plugins.notices.signing import Signing
from plugins.notices.steps import FILLED, FILLED_US
from review.choices import DisputeCode
from review.models import Match
from review.selectors import of_ids
from web.portal.api.base import ProgramView
from web.portal.shared.access import ask_to_confirm

_LISTED = 50
_QUERY = NOTICES.query_serializer()


class NoticeAnswerSerializer(serializers.ModelSerializer[NoticeAnswer]):
    """What came back about one match."""

    code = ChoiceField(choices=DisputeCode.choices, allow_blank=True, read_only=True)
    dispute = serializers.CharField(source="dispute.uid", default="", read_only=True)

    class Meta:
        model = NoticeAnswer
        fields = (
            *("outcome", "received_at", "code", "statement"),
            *("restore_from", "restore_until", "dispute"),
        )
        read_only_fields = fields


class NoticeItemSerializer(serializers.ModelSerializer[NoticeItem]):
    """One match of a notice; ``intervals`` are ms of the file."""

    url = serializers.SerializerMethodField()
    intervals = serializers.SerializerMethodField()
    match = serializers.CharField(source="match_uid", read_only=True)
    evidence = serializers.CharField(source="pack.uid", default="", read_only=True)
    evidence_status = serializers.CharField(source="pack.status", default="", read_only=True)
    evidence_message = serializers.CharField(source="pack.message", default="", read_only=True)
    answers = NoticeAnswerSerializer(many=True, read_only=True)

    class Meta:
        model = NoticeItem
        fields = (
            *("match", "url", "intervals"),
            *("evidence", "evidence_status", "evidence_message", "answers"),
        )
        read_only_fields = fields

    def get_url(self, item: NoticeItem) -> str:
        """Return the address that the document states."""
        return self._place(item).url

    def get_intervals(self, item: NoticeItem) -> list[list[int]]:
        """Return where the document says that the recording is heard."""
        return [list(interval) for interval in self._place(item).intervals]

    def _place(self, item: NoticeItem) -> StatedPlace:
        place: StatedPlace = self.context["places"][item.pk]
        return place


class NoticeSerializer(serializers.ModelSerializer[TakedownNotice]):
    """A notice; a step must send its ``version`` back."""

    number = serializers.CharField(source="reference", read_only=True)
    items = NoticeItemSerializer(many=True, read_only=True)
    signed_by = serializers.CharField(source="signed_by.username", default="", read_only=True)
    no_longer_holds = serializers.BooleanField(read_only=True)
    restore_until = serializers.DateField(allow_null=True, read_only=True)

    class Meta:
        model = TakedownNotice
        fields = (
            *("uid", "version", "state", "law", "right", "number", "platform"),
            *("account", *FILLED, *FILLED_US, "signature", "signed_by", "signed_at"),
            *("text", "text_sha256", "pdf_sha256", "sent_at", "sent_to", "sent_how"),
            *("withdrawn_at", "withdrawn_why", "created_at", "no_longer_holds"),
            *("restore_until", "items"),
        )
        read_only_fields = fields


class NewNoticeSerializer(serializers.Serializer[None]):
    """The matches of a new notice, and the facts that the law requires."""

    matches = serializers.ListField(
        child=serializers.CharField(max_length=32), max_length=services.MOST_MATCHES
    )
    law = ChoiceField(choices=NoticeLaw.choices)
    right = ChoiceField(choices=ClaimedRight.choices)
    recipient = serializers.CharField(required=False, max_length=300)
    recipient_contact = serializers.CharField(required=False, max_length=500)
    owner = serializers.CharField(required=False, max_length=300)
    contact_name = serializers.CharField(required=False, max_length=200)
    contact_email = serializers.EmailField(required=False, max_length=254)
    contact_address = serializers.CharField(required=False, max_length=1000)
    contact_phone = serializers.CharField(required=False, max_length=60)
    reasons = serializers.CharField(required=False, max_length=8000)
    fair_use = serializers.CharField(required=False, max_length=4000)
    submit = serializers.BooleanField(
        default=False, help_text="Hand the complete draft over for review."
    )


class SigningSerializer(serializers.Serializer[None]):
    """The consents, typed word by word by the person who signs."""

    version = serializers.IntegerField(help_text="Of the notice as you saw it.")
    good_faith = serializers.CharField(max_length=200)
    accuracy = serializers.CharField(
        required=False, default="", max_length=200, help_text="Under US law."
    )
    signature = serializers.CharField(max_length=200)


class ReplySerializer(serializers.Serializer[None]):
    """An answer about some matches of a notice."""

    version = serializers.IntegerField(help_text="Of the notice as you saw it.")
    matches = serializers.ListField(child=serializers.CharField(max_length=32))
    outcome = ChoiceField(choices=NoticeOutcome.choices)
    received_at = serializers.DateTimeField()
    code = ChoiceField(
        choices=DisputeCode.choices,
        required=False,
        default="",
        allow_blank=True,
        help_text="The grounds; with them the answer opens a dispute of each match.",
    )
    statement = serializers.CharField(required=False, default="", allow_blank=True, max_length=3900)


class NoticesView(ProgramView):
    """Lists the latest notices and prepares new ones."""

    changes = Action.REPORT

    @extend_schema(parameters=[_QUERY], responses=NoticeSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return the latest notices, at most 50."""
        query = valid_query(_QUERY, request)
        rows = NOTICES.select_for(query).order_by("-pk").prefetch_related(*_WITH)[:_LISTED]
        places = {"places": places_of(rows)}
        return Response(NoticeSerializer(rows, many=True, context=places).data)

    @extend_schema(request=NewNoticeSerializer, responses={201: NoticeSerializer})
    def post(self, request: Request) -> Response:
        """Prepare a notice and ask for the evidence of its matches."""
        values = valid_data(NewNoticeSerializer(data=request.data))
        notice = self._prepare(values)
        services.ask_for_evidence(notice=notice, user=self.person)
        return Response(_serialize_notice(notice.uid), status=201)

    @transaction.atomic
    def _prepare(self, request_values: dict[str, Any]) -> TakedownNotice:
        """Prepare the notice whole, or not at all. Any: a serializer's values."""
        notice = services.begin(
            matches=_matches_named(request_values["matches"]),
            law=NoticeLaw(request_values["law"]),
            right=ClaimedRight(request_values["right"]),
            user=self.person,
        )
        values = {
            name: request_values[name] for name in (*FILLED, *FILLED_US) if name in request_values
        }
        notice = services.fill(
            notice=notice, version=notice.version, values=values, user=self.person
        )
        if request_values["submit"]:
            services.submit(notice=notice, version=notice.version, user=self.person)
        return notice


def _matches_named(uids: Sequence[str]) -> list[Match]:
    """Return the matches with these ids, today's or former ones; refuse any other id."""
    rows = Match.objects.filter(of_ids(uids)).prefetch_related("aliases")
    matches = list(rows.select_related("recording__bucket", "scanned_file__container", "scan"))
    ids = {match.uid for match in matches} | {
        alias.uid for match in matches for alias in match.aliases.all()
    }
    if unknown := [uid for uid in uids if uid not in ids]:
        raise NotFound(_("There is no match %(uid)s.") % {"uid": ", ".join(unknown[:_LISTED])})
    return matches


class NoticeView(ProgramView):
    """Reads one notice."""

    changes = Action.REPORT

    @extend_schema(responses=NoticeSerializer)
    def get(self, request: Request, uid: str) -> Response:
        """Return the notice with its matches and answers."""
        return Response(_serialize_notice(uid))


class NoticeSigningView(ProgramView):
    """Signs a notice."""

    changes = Action.APPROVE
    http_method_names = ["post", "options"]

    @extend_schema(request=SigningSerializer, responses=NoticeSerializer)
    def post(self, request: Request, uid: str) -> Response:
        """Sign a notice in review, under the same rules as the pages."""
        notice = get_object_or_404(selectors.notices_in_reach(), uid=uid)
        values = valid_data(SigningSerializer(data=request.data))
        if request.auth is None:
            ask_to_confirm(request._request)
        signing.sign(
            notice=notice,
            version=values["version"],
            signing=Signing(
                good_faith=values["good_faith"],
                accuracy=values["accuracy"],
                signature=values["signature"],
            ),
            user=self.person,
        )
        return Response(_serialize_notice(uid))


class NoticeAnswersView(ProgramView):
    """Records what came back."""

    changes = Action.DECIDE
    http_method_names = ["post", "options"]

    @extend_schema(request=ReplySerializer, responses=NoticeSerializer)
    def post(self, request: Request, uid: str) -> Response:
        """Record an answer; it may open or close disputes."""
        notice = get_object_or_404(selectors.notices_in_reach(), uid=uid)
        values = valid_data(ReplySerializer(data=request.data))
        answers.answer(
            notice=notice,
            version=values["version"],
            matches=values["matches"],
            reply=Reply(
                outcome=NoticeOutcome(values["outcome"]),
                received_at=values["received_at"],
                statement=values["statement"],
                code=values["code"],
            ),
            user=self.person,
        )
        return Response(_serialize_notice(uid))


_WITH = ("items__match", "items__pack", "items__answers__dispute")


def _serialize_notice(uid: str) -> Mapping[str, object]:
    rows = NOTICES.select_for({}).prefetch_related(*_WITH)
    notice = get_object_or_404(rows, uid=uid)
    return NoticeSerializer(notice, context={"places": places_of([notice])}).data


urlpatterns = [
    path("notices/", NoticesView.as_view(), name="notices"),
    path("notices/<str:uid>/", NoticeView.as_view(), name="notice"),
    path("notices/<str:uid>/sign/", NoticeSigningView.as_view(), name="notice_sign"),
    path("notices/<str:uid>/answers/", NoticeAnswersView.as_view(), name="notice_answers"),
]
