"""Admin screens of cloud accounts, cloud jobs and pending cloud deletions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from base.common.reading import read_number
from base.jobs.selectors import next_attempt
from scanning.choices import EngineChoice
from scanning.cloud_jobs import CLOUD_DELETION, CLOUD_SCAN, HOUR_MS, sent_ms_this_month
from scanning.engines.acrcloud import Cloud, RemoteContainer
from scanning.engines.cloud_faults import CloudFault
from scanning.errors import IntakeRefused
from scanning.models import CloudAccount, CloudDeletion, CloudJob, Container
from scanning.services import cloud
from web.portal.admin.base import RoleAdmin, action_page, all_field_names, code, number, user_of
from web.portal.admin.filters import DaysFilter, PickFilter
from web.portal.shared import formats
from web.portal.shared.access import confirm_outbound
from web.portal.shared.times import when

_CLOUD_ENGINES = [choice for choice in EngineChoice.choices if choice[0] != EngineChoice.EMBEDDED]


class CloudAccountForm(forms.ModelForm):  # type: ignore[type-arg]  # subscripted in stubs only
    """A cloud account; its token is write-only."""

    token = forms.CharField(
        required=False,
        max_length=8000,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "class": "vTextField"}),
        help_text=_(
            "From the ACRCloud console (developer settings). Stored encrypted and "
            "not shown again; leave empty to keep the one that is stored."
        ),
        label=_("Token"),
    )

    class Meta:
        model = CloudAccount
        fields = ["name", "base_url", "region", "sends", "callback_networks"]
        widgets = {"callback_networks": forms.Textarea(attrs={"rows": 3})}

    def clean_token(self) -> str:
        """Require a token if none is stored; reject spaces and non-ASCII characters."""
        token: str = self.cleaned_data["token"]
        if not token and not self.instance.token_sealed:
            raise forms.ValidationError(gettext("Enter the account's token."))
        if any(not 32 < ord(character) < 127 for character in token):
            raise forms.ValidationError(gettext("A token is one word of plain characters."))
        return token


class TieForm(forms.Form):
    """The connection of a portal container to a container of the account."""

    remote = forms.TypedChoiceField(
        coerce=int, required=False, empty_value=None, label=_("Container in the account")
    )
    container = forms.ModelChoiceField(
        Container.objects.present(),
        required=False,
        label=_("Container here"),
        empty_label=_("Create a new one here"),
    )
    engine = forms.ChoiceField(
        choices=_CLOUD_ENGINES, initial=EngineChoice.ACRCLOUD, label=_("Engine")
    )
    buckets = forms.CharField(
        required=False,
        initial="ACRCloud Music",
        label=_("The cloud's buckets"),
        help_text=_(
            "Ids or names, separated by commas; used for a container that is created there."
        ),
    )
    cap_hours = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=1_000_000,
        label=_("Monthly limit in hours"),
        help_text=_("No more audio than this is sent in a month. Leave empty for no limit."),
    )
    set_callback = forms.BooleanField(
        required=False, initial=True, label=_("Have its results posted to this portal")
    )

    def __init__(self, remote: list[RemoteContainer], *arguments: Any) -> None:
        """Offer the account's containers as choices. Any: Django's own arguments."""
        super().__init__(*arguments)
        choices = [
            (container.id, f"{container.id} {container.name} ({container.region})")
            for container in remote
        ]
        offered = self.fields["remote"]
        if isinstance(offered, forms.ChoiceField):
            offered.choices = [("", gettext("Create a new one there")), *choices]

    def clean(self) -> dict[str, Any]:  # Any: Django's own type
        """Require an existing container on at least one side."""
        cleaned = super().clean() or {}
        if not cleaned.get("remote") and not cleaned.get("container"):
            raise forms.ValidationError(
                gettext("Choose a container of the account, one of this portal, or both.")
            )
        return cleaned

    def bucket_list(self) -> list[int | str]:
        """Return the cloud's buckets; decimal entries are ids, others are names."""
        parts = [part.strip() for part in self.cleaned_data["buckets"].split(",")]
        return [int(part) if part.isdecimal() else part for part in parts if part]


@admin.register(CloudAccount)
class CloudAccountAdmin(RoleAdmin[CloudAccount]):
    """Cloud accounts, visible only to admins."""

    # The callback address is a secret.
    view_action = add_action = change_action = Action.CONFIGURE
    form = CloudAccountForm
    list_display = ["name", "base_url", "region", "state", "container_names"]
    search_fields = ["name"]
    fields = (
        *("name", "base_url", "region", "token", "sends", "callback_networks"),
        *("callback_address", "state", "spent"),
    )
    readonly_fields = ("callback_address", "state", "spent")
    actions = ["test_connection", "retry_now"]
    change_form_template = "admin/scanning/cloudaccount/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CloudAccount]:
        """Prefetch the containers."""
        return (
            super()
            .get_queryset(request)
            .prefetch_related(Prefetch("containers", queryset=Container.objects.present()))
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the page that connects containers, and the connection test."""
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/test/", wrap(self.test), name="scanning_cloudaccount_test"),
            path(
                "<int:pk>/containers/",
                wrap(self.containers),
                name="scanning_cloudaccount_containers",
            ),
            *super().get_urls(),
        ]

    @admin.display(description=_("State"))
    def state(self, account: CloudAccount) -> str:
        """Return why calls to the account are paused, or that it is in use."""
        if account._state.adding:
            return gettext("Save it, then test the connection.")
        return account.pause_message or gettext("In use")

    @admin.display(description=_("Containers"))
    def container_names(self, account: CloudAccount) -> str:
        """Return the containers that send files to this account."""
        return ", ".join(container.name for container in account.containers.all())

    @admin.display(description=_("Sent this month"))
    def spent(self, account: CloudAccount) -> SafeString | str:
        """Return the hours that each container sent, with its limit."""
        if account._state.adding:
            return gettext("Nothing yet.")
        lines = []
        for container in account.containers.all():
            hours = sent_ms_this_month(container=container) / HOUR_MS
            cap = container.cloud_cap_hours
            amount = read_number(hours, decimals=2)
            spent = (
                gettext("%(hours)s h, no limit") % {"hours": amount}
                if cap is None
                else gettext("%(hours)s of %(cap)s h") % {"hours": amount, "cap": cap}
            )
            lines.append((f"{container.name}: {spent}",))
        return format_html_join("", "{}<br>", lines) or gettext("Nothing yet.")

    @admin.display(description=_("Callback address"))
    def callback_address(self, account: CloudAccount) -> SafeString | str:
        """Return the URL to which the account's containers post results."""
        if account._state.adding:
            return gettext("Created when the account is saved.")
        return code(cloud.account_callback_url(account))

    def save_model(self, request: HttpRequest, obj: CloudAccount, form: Any, change: bool) -> None:
        """Save the account through the service, which encrypts the token."""
        confirm_outbound(request, form, "base_url")
        token = form.cleaned_data["token"]
        cloud.save_account(account=obj, token=token, user=user_of(request))

    @admin.action(description=_("Test the connection"), permissions=["change"])
    def test_connection(self, request: HttpRequest, queryset: QuerySet[CloudAccount]) -> None:
        """Test the connection of each account."""
        for account in queryset:
            _show_trial(request, account)

    @admin.action(description=_("End the pause and try everything now"), permissions=["change"])
    def retry_now(self, request: HttpRequest, queryset: QuerySet[CloudAccount]) -> None:
        """End the pause and check all waiting scans now."""
        count = sum(cloud.retry_now(account=account) for account in queryset)
        self.message_user(
            request,
            ngettext(
                "%(count)s scan is being checked now.",
                "%(count)s scans are being checked now.",
                count,
            )
            % {"count": count},
        )

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Test the connection of one account, from its page."""
        account = self._account(request, pk)
        if request.method == "POST":
            _show_trial(request, account)
        return redirect("admin:scanning_cloudaccount_change", pk)

    def containers(self, request: HttpRequest, pk: int) -> HttpResponse:
        """List the account's containers; a POST connects one or creates one there."""
        account = self._account(request, pk)
        try:
            remote = Cloud(account).containers()
        except CloudFault as fault:
            messages.error(request, str(fault))
            return redirect("admin:scanning_cloudaccount_change", pk)
        form = TieForm(remote, request.POST or None)
        ready = request.method == "POST" and form.is_valid()
        if ready and _tie(request, account, form, remote):
            return redirect("admin:scanning_cloudaccount_containers", pk)
        tied = {
            container.cloud_container_id: container for container in account.containers.present()
        }
        return action_page(
            self,
            request,
            "admin/scanning/cloudaccount/containers.html",
            title=gettext("Containers of %(account)s") % {"account": account},
            account=account,
            form=form,
            rows=[(container, tied.get(container.id)) for container in remote],
        )

    def _account(self, request: HttpRequest, pk: int) -> CloudAccount:
        if not request.user.has_perm(Action.CONFIGURE):
            raise PermissionDenied
        return get_object_or_404(CloudAccount, pk=pk)


def _tie(
    request: HttpRequest, account: CloudAccount, form: TieForm, remote: list[RemoteContainer]
) -> bool:
    terms = form.cleaned_data
    chosen = next((container for container in remote if container.id == terms["remote"]), None)
    try:
        if chosen is not None:
            tied = cloud.adopt_container(
                account=account,
                remote=chosen,
                container=terms["container"],
                set_callback=terms["set_callback"],
                user=user_of(request),
            )
        else:
            tied = cloud.mirror_container(
                account=account,
                container=terms["container"],
                buckets=form.bucket_list(),
                user=user_of(request),
            )
    except (CloudFault, IntakeRefused) as refused:
        messages.error(request, str(refused))
        return False
    cloud.set_terms(
        container=tied, engine=terms["engine"], cap_hours=terms["cap_hours"], user=user_of(request)
    )
    messages.success(
        request,
        gettext("%(tied)s now sends to container %(cloud_container_id)s of %(account)s.")
        % {"tied": tied, "cloud_container_id": tied.cloud_container_id, "account": account},
    )
    return True


def _show_trial(request: HttpRequest, account: CloudAccount) -> None:
    trial = cloud.try_account(account=account)
    level = messages.SUCCESS if trial.works else messages.ERROR
    for note in trial.notes:
        messages.add_message(request, level, f"{account}: {note}")


@admin.register(CloudJob)
class CloudJobAdmin(RoleAdmin[CloudJob]):
    """Scans in the cloud, with the answer as received."""

    list_display = [*("scan", "file_name", "account", "sent_as", "sent", "due", "hours", "said")]
    list_filter = [("account", PickFilter), "sent_as", ("created_at", DaysFilter)]
    list_select_related = ["scan__scanned_file", "account"]
    search_fields = ["=scan__uid", "=remote_id", "scan__scanned_file__name"]
    of_every_bucket = ("answer",)
    readonly_fields = (*all_field_names(CloudJob, but=["id", "raw"]), "answer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CloudJob]:
        """Annotate each scan with the time of its next step."""
        rows = super().get_queryset(request)
        return rows.annotate(due_at=next_attempt(CLOUD_SCAN, "scan_id"))

    @admin.display(description=_("File"))
    def file_name(self, job: CloudJob) -> str:
        """Return the name of the file that was sent."""
        return job.scan.scanned_file.name

    @admin.display(description=_("Sent"), ordering="sent_at")
    def sent(self, job: CloudJob) -> SafeString:
        """Return when the file was sent."""
        return when(job.sent_at)

    @admin.display(description=_("Due"), ordering="due_at")
    def due(self, job: CloudJob) -> SafeString:
        """Return when the scan is looked at next."""
        return when(job.due_at)  # type: ignore[attr-defined]  # annotated above

    @admin.display(description=_("Hours"), ordering="sent_ms")
    def hours(self, job: CloudJob) -> SafeString:
        """Return the hours that count towards the container's monthly limit."""
        return number(read_number(job.sent_ms / HOUR_MS, decimals=3))

    @admin.display(description=_("Response as received"))
    def answer(self, job: CloudJob) -> SafeString:
        """Return the body of the answer, cut at 200,000 characters."""
        if not job.raw_text:
            return SafeString(formats.UNKNOWN)
        return format_html("<pre>{}</pre>", job.raw_text[:200_000])


@admin.register(CloudDeletion)
class CloudDeletionAdmin(RoleAdmin[CloudDeletion]):
    """Files deleted here that must also be deleted in the cloud."""

    view_action = Action.CONFIGURE
    list_display = ["remote_id", "account", "due", "done_at", "said"]
    list_filter = [("account", PickFilter)]
    search_fields = ["=remote_id"]
    readonly_fields = all_field_names(CloudDeletion, but=["id"])

    def get_queryset(self, request: HttpRequest) -> QuerySet[CloudDeletion]:
        """Annotate each deletion with its next attempt."""
        rows = super().get_queryset(request)
        return rows.annotate(due_at=next_attempt(CLOUD_DELETION))

    @admin.display(description=_("Due"), ordering="due_at")
    def due(self, deletion: CloudDeletion) -> SafeString:
        """Return when the deletion is tried next."""
        return when(deletion.due_at)  # type: ignore[attr-defined]  # annotated above
