"""Admin screens of containers and of projects with their identification keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import PRESENT
from base.accounts.roles import Action
from catalogue.models import Bucket
from review.services import floors
from scanning.models import Container, Project, ScannedFile
from scanning.services.containers import inbound_callback_url, record_saved
from web.portal.admin.base import RoleAdmin, all_field_names, code, number, user_of
from web.portal.admin.filters import PickFilter
from web.portal.containers.views import ContainerForm, after_change
from web.portal.shared import formats
from web.portal.shared.access import confirm_outbound
from web.portal.shared.selectors import count_per_row

_CONTAINER_FIELDS = (
    *Container.SETTINGS,
    *("floor_shown", "callback_address", "created_by", "created_at"),
)
# The addresses of callbacks may hold secrets.
_FOR_ADMINS = {"callback_url", "callback_address", "floor_shown"}


class ContainerAdminForm(ContainerForm):
    """The settings of a container, with the preview of its page."""

    floor_shown = forms.CharField(required=False, label="", widget=forms.HiddenInput)

    class Meta(ContainerForm.Meta):
        widgets = {}

    def clean(self) -> dict[str, Any]:  # Any: Django's own
        """Show what another floor does to matches before it is saved."""
        cleaned = super().clean()
        floor, is_new = cleaned.get("score_floor"), self.instance.pk is None
        if floor is None or cleaned.get("floor_shown") == str(floor):
            return cleaned
        if is_new or self.errors or "score_floor" not in self.changed_data:
            return cleaned
        effect = floors.preview(container=self.instance, floor=floor)
        if effect.returning or effect.staying:
            sent = QueryDict(mutable=True)
            sent.update(self.data)
            sent["floor_shown"] = str(floor)
            self.data = sent
            context = {"floor": effect, "wanted": floor}
            warning = render_to_string("portal/containers/_floor.html", context)
            raise forms.ValidationError({"score_floor": [warning]})
        return cleaned


@admin.register(Container)
class ContainerAdmin(RoleAdmin[Container]):
    """Containers; admins create and change them."""

    add_action = change_action = Action.CONFIGURE
    form = ContainerAdminForm
    list_display = ["name", "number", "engine", "bucket_names", "file_count"]
    list_filter = ["engine", ("buckets", PickFilter)]
    search_fields = ["name"]
    autocomplete_fields = ["buckets"]
    fields = _CONTAINER_FIELDS
    readonly_fields = ["callback_address", "created_by", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Container]:
        """Annotate the number of files and prefetch the buckets."""
        files = count_per_row(ScannedFile.objects.present(), "container")
        present = super().get_queryset(request).filter(**PRESENT)
        containers = present.annotate(files_there=files)
        return containers.prefetch_related("buckets")

    @admin.display(description=_("Id"), ordering="pk")
    def number(self, container: Container) -> int:
        """Return the container's id in the wire protocol."""
        return container.pk

    @admin.display(description=_("Buckets"))
    def bucket_names(self, container: Container) -> str:
        """Return the names of the container's buckets."""
        return ", ".join(bucket.name for bucket in container.buckets.all())

    @admin.display(description=_("Files"), ordering="files_there")
    def file_count(self, container: Any) -> SafeString:  # Any: carries an annotation
        """Return the number of files in the container."""
        return number(str(container.files_there))

    @admin.display(description=_("Where ACRCloud posts its results"))
    def callback_address(self, container: Container) -> SafeString | str:
        """Return the URL to which ACRCloud posts the container's results."""
        if container._state.adding:
            return gettext("Created when the container is saved.")
        url = inbound_callback_url(container)
        if not url:
            return gettext("No address: the embedded engine scans its files.")
        return code(url)

    def get_fields(self, request: HttpRequest, obj: Container | None = None) -> tuple[str, ...]:
        """Show the callback addresses only to admins."""
        hidden = set() if request.user.has_perm(Action.CONFIGURE) else _FOR_ADMINS
        return tuple(name for name in _CONTAINER_FIELDS if name not in hidden)

    def save_model(self, request: HttpRequest, obj: Container, form: Any, change: bool) -> None:
        """Save the container with its creator."""
        confirm_outbound(request, form, "callback_url")
        if not change:
            obj.created_by = user_of(request)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Record the event with the buckets; evaluate matches that a lower floor returns."""
        super().save_related(request, form, formsets, change)
        container: Container = form.instance
        engine_before = form.initial["engine"] if change else None
        record_saved(container=container, engine_before=engine_before, user=user_of(request))
        after_change(request, form, user=user_of(request))


@admin.register(Project)
class ProjectAdmin(RoleAdmin[Project]):
    """Projects: key pairs that identify clips, without the secret key."""

    view_action = Action.CONFIGURE
    list_display = ["name", "access_key", "bucket_names", "created_by", "created_at"]
    search_fields = ["name", "=access_key"]
    readonly_fields = (
        *all_field_names(Project, but=["id", "access_secret_sealed"]),
        "bucket_names",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Project]:
        """Join the creator and prefetch the buckets."""
        projects = super().get_queryset(request).select_related("created_by")
        return projects.prefetch_related(Prefetch("buckets", queryset=Bucket.objects.present()))

    @admin.display(description=_("Buckets"))
    def bucket_names(self, project: Project) -> str:
        """Return the names of the buckets that the project searches."""
        names = ", ".join(bucket.name for bucket in project.buckets.all())
        return names or formats.UNKNOWN
