"""API views of platform claims: accounts, claims, lists of differences, files."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from base.accounts.roles import Action
from base.common.api_errors import error_body
from base.common.api_requests import ChoiceField, valid_data, valid_query
from plugins.claims import files, selectors
from plugins.claims.choices import DiscrepancyKind, DiscrepancyState, FileKind
from plugins.claims.models import ClaimFile, Discrepancy, PlatformAccount, PlatformClaim
from web.portal.api.base import ProgramView
from web.portal.api.changes import AskedChangesSerializer, ChangesView, Query
from web.portal.api.parts import AT_ONCE, PartSerializer, part_of
from web.portal.shared.lists import count_of


class AccountSerializer(serializers.ModelSerializer[PlatformAccount]):
    """An account, and the days of the newest reports of each kind."""

    class Meta:
        model = PlatformAccount
        fields = (
            *("uid", "platform", "name", "claims_day", "assets_day"),
            *("references_day", "conflicts_day", "videos_day", "compared_at"),
        )
        read_only_fields = fields


class PlatformClaimSerializer(serializers.ModelSerializer[PlatformClaim]):
    """A claim as the newest report has it; ``recording`` and ``file`` are ours."""

    account = serializers.CharField(source="account.uid", read_only=True)
    asset = serializers.CharField(source="asset.asset_id", read_only=True)
    recording = serializers.CharField(source="asset.recording.uid", default="", read_only=True)
    file = serializers.CharField(source="scanned_file.uid", default="", read_only=True)
    no_longer_reported_since = serializers.DateField(source="gone_on", read_only=True)

    class Meta:
        model = PlatformClaim
        fields = (
            *("account", "claim_id", "asset", "recording", "video_id", "video_url"),
            *("file", "reference_id", "channel_id", "channel", "title", "status"),
            *("status_detail", "origin", "claim_type", "content_type", "views"),
            *("matching_duration", "longest_match", "video_seconds", "claimed_on"),
            *("uploaded_on", "first_report", "detail_since", "detail_after"),
            *("disputed_on", "dispute_reported_on", "other_claimant"),
            *("no_longer_reported_since", "updated_at"),
        )
        read_only_fields = fields


class DiscrepancySerializer(serializers.ModelSerializer[Discrepancy]):
    """A difference; a file must send its ``version`` back."""

    list = serializers.CharField(source="kind", read_only=True)
    version = serializers.IntegerField(source="revision", read_only=True)
    account = serializers.CharField(source="account.uid", default="", read_only=True)
    claim = serializers.CharField(source="claim.claim_id", default="", read_only=True)
    asset = serializers.CharField(source="asset.asset_id", default="", read_only=True)
    video = serializers.CharField(source="video.video_id", default="", read_only=True)
    match = serializers.CharField(source="match.uid", default="", read_only=True)
    recording = serializers.CharField(source="recording.uid", default="", read_only=True)
    file = serializers.CharField(source="scanned_file.uid", default="", read_only=True)

    class Meta:
        model = Discrepancy
        fields = (
            *("uid", "version", "list", "state", "account", "claim", "asset"),
            *("video", "match", "recording", "file", "evidence", "is_weak"),
            *("views", "due_on", "note", "opened_at"),
        )
        read_only_fields = fields


class ClaimFileSerializer(serializers.ModelSerializer[ClaimFile]):
    """A file for the platform.

    Of its ``entries`` a report ``confirmed`` some, and the platform ``refused`` some.
    """

    entries = serializers.IntegerField(read_only=True)
    confirmed = serializers.IntegerField(read_only=True)
    refused = serializers.IntegerField(read_only=True)

    class Meta:
        model = ClaimFile
        fields = (
            *("uid", "kind", "state", "row_count", "sha256", "created_at"),
            *("sent_at", "entries", "confirmed", "refused"),
        )
        read_only_fields = fields


class AskedClaimsSerializer(PartSerializer):
    """Which claims of an account to return."""

    video_id = serializers.CharField(required=False, default="")
    status = serializers.CharField(required=False, default="")


class AskedListSerializer(PartSerializer):
    """Which differences to return."""

    state = ChoiceField(choices=DiscrepancyState.choices, default=DiscrepancyState.OPEN.value)
    account = serializers.SlugRelatedField(
        slug_field="uid", queryset=PlatformAccount.objects.all(), default=None
    )
    q = serializers.CharField(required=False, default="", max_length=200)


class ClaimsPartSerializer(serializers.Serializer[dict[str, object]]):
    """A part of the claims; ``next`` is empty at the end."""

    claims = PlatformClaimSerializer(many=True)
    next = serializers.CharField(allow_blank=True)


class ListPartSerializer(serializers.Serializer[dict[str, object]]):
    """A part of a list; ``next`` is empty at the end."""

    entries = DiscrepancySerializer(many=True)
    next = serializers.CharField(allow_blank=True)


class ClaimListSerializer(serializers.Serializer[dict[str, object]]):
    """A list, and how many entries are open; counting stops at 10,001."""

    list = ChoiceField(choices=DiscrepancyKind.choices)
    open = serializers.IntegerField()


class FileEntrySerializer(serializers.Serializer[None]):
    """An entry of a list, as the caller saw it."""

    uid = serializers.CharField(max_length=32)
    version = serializers.IntegerField(help_text="Of the entry as you saw it.")


class NewFileSerializer(serializers.Serializer[None]):
    """The entries that a file is made of."""

    kind = ChoiceField(choices=FileKind.choices)
    entries = serializers.ListField(child=FileEntrySerializer(), max_length=files.MOST_ENTRIES)


class MadeFilesSerializer(serializers.Serializer[dict[str, object]]):
    """The files that were made; ``left_out`` entries are in none."""

    files = ClaimFileSerializer(many=True)
    left_out = serializers.IntegerField()


class FileStepSerializer(serializers.Serializer[None]):
    """What to do with a file."""

    verb = ChoiceField(choices=list(files.STEPS))


class AccountsView(ProgramView):
    """Lists the accounts."""

    @extend_schema(responses=AccountSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return all accounts."""
        rows = PlatformAccount.objects.order_by("name", "pk")
        return Response(AccountSerializer(rows, many=True).data)


class AskedChangedClaimsSerializer(AskedChangesSerializer):
    """Which claims to return."""

    account = serializers.CharField(required=False, default="", max_length=64)


class ChangedClaimsView(ChangesView[PlatformClaim], name="platform_claims"):
    """Lists claims of all accounts."""

    row = PlatformClaimSerializer
    filters = AskedChangedClaimsSerializer

    def rows(self, query: Query) -> QuerySet[PlatformClaim]:
        """Return the claims, also those that are no longer reported."""
        rows = selectors.all_claims()
        return rows.filter(account__uid=query["account"]) if query["account"] else rows


class ClaimsView(ProgramView):
    """Lists the claims of an account."""

    @extend_schema(
        operation_id="claims_accounts_claims_list",
        parameters=[AskedClaimsSerializer],
        responses=ClaimsPartSerializer,
    )
    def get(self, request: Request, uid: str) -> Response:
        """Return at most 500 claims, in the order of their first reports."""
        account = get_object_or_404(PlatformAccount, uid=uid)
        query = valid_query(AskedClaimsSerializer, request)
        rows = selectors.list_claims(account=account)
        for name in ("video_id", "status"):
            if query[name]:
                rows = rows.filter(**{name: query[name]})
        some, following = part_of(rows, "claim_id", query["after"])
        claims = PlatformClaimSerializer(some, many=True).data
        return Response({"claims": claims, "next": following})


class ClaimView(ProgramView):
    """Reads one claim."""

    @extend_schema(responses=PlatformClaimSerializer)
    def get(self, request: Request, uid: str, claim_id: str) -> Response:
        """Return the claim as the newest report has it."""
        account = get_object_or_404(PlatformAccount, uid=uid)
        rows = selectors.list_claims(account=account)
        row = get_object_or_404(rows, claim_id=claim_id)
        return Response(PlatformClaimSerializer(row).data)


class ListsView(ProgramView):
    """Counts the lists."""

    @extend_schema(responses=ClaimListSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return the lists, and how many entries of each are open."""
        lists = [
            {"list": kind.value, "open": count_of(selectors.list_discrepancies(kind=kind))}
            for kind in DiscrepancyKind
        ]
        return Response(lists)


class ListView(ProgramView):
    """Reads one list."""

    @extend_schema(parameters=[AskedListSerializer], responses=ListPartSerializer)
    def get(self, request: Request, kind: str) -> Response:
        """Return at most 500 entries, the oldest first."""
        if kind not in DiscrepancyKind.values:
            names = ", ".join(DiscrepancyKind.values)
            message = _("There is no such list. Lists: %(names)s.") % {"names": names}
            return Response(error_body("not_found", message), status=404)
        query = valid_query(AskedListSerializer, request)
        rows = selectors.list_discrepancies(
            kind=DiscrepancyKind(kind),
            state=DiscrepancyState(query["state"]),
            account=query["account"],
            text=query["q"],
        )
        some, following = part_of(rows, "uid", query["after"])
        entries = DiscrepancySerializer(some, many=True).data
        return Response({"entries": entries, "next": following})


class ClaimFilesView(ProgramView):
    """Lists and makes files for the platform."""

    changes = Action.DECIDE
    token_action = Action.REPORT

    @extend_schema(responses=ClaimFileSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return the latest files, at most 500."""
        rows = selectors.list_files().order_by("-pk")[:AT_ONCE]
        return Response(ClaimFileSerializer(rows, many=True).data)

    @extend_schema(request=NewFileSerializer, responses={201: MadeFilesSerializer})
    def post(self, request: Request) -> Response:
        """Make files of open entries; each holds at most 2,000 rows."""
        values = valid_data(NewFileSerializer(data=request.data))
        made, left_out = files.make_files(
            revisions={entry["uid"]: entry["version"] for entry in values["entries"]},
            kind=FileKind(values["kind"]),
            user=self.person,
        )
        rows = selectors.list_files().filter(pk__in=[claim_file.pk for claim_file in made])
        serialized = ClaimFileSerializer(rows.order_by("pk"), many=True).data
        return Response({"files": serialized, "left_out": left_out}, status=201)


class ClaimFileView(ProgramView):
    """Reads one file's facts."""

    token_action = Action.REPORT

    @extend_schema(responses=ClaimFileSerializer)
    def get(self, request: Request, uid: str) -> Response:
        """Return the state of a file, and how many of its entries were confirmed."""
        return Response(_serialize_file(uid))


class FileContentView(ProgramView):
    """Sends the content of a file."""

    reads = Action.DECIDE
    token_action = Action.REPORT
    http_method_names = ["get", "options"]

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def get(self, request: Request, uid: str) -> FileResponse:
        """Send the file as it was written; record who got it."""
        claim_file = get_object_or_404(ClaimFile, uid=uid)
        return FileResponse(
            files.hand_out(file=claim_file, user=self.person),
            as_attachment=True,
            filename=files.name_of(claim_file),
            content_type=files.content_type_of(claim_file),
        )


class FileStepView(ProgramView):
    """Marks a file as sent or not, or withdraws it."""

    changes = Action.EDIT_CATALOGUE
    token_action = Action.REPORT
    http_method_names = ["post", "options"]

    @extend_schema(request=FileStepSerializer, responses=ClaimFileSerializer)
    def post(self, request: Request, uid: str) -> Response:
        """Take the step; answer 409 if the file is in another state."""
        claim_file = get_object_or_404(ClaimFile, uid=uid)
        verb = valid_data(FileStepSerializer(data=request.data))["verb"]
        if not files.STEPS[verb](file=claim_file, user=self.person):
            message = _("This file changed meanwhile. Look at it again.")
            return Response(error_body("wrong_state", message), status=409)
        return Response(_serialize_file(uid))


def _serialize_file(uid: str) -> Any:  # Any: JSON
    return ClaimFileSerializer(get_object_or_404(selectors.list_files(), uid=uid)).data
