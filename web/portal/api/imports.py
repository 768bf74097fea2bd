"""API views of imports: the same for each kind that imports files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from base.common.api_errors import error_body
from base.common.api_requests import ChoiceField, choice_names, valid_data
from base.common.stored import read_stored
from imports import services
from imports.kinds import AnyKind, all_kinds
from imports.models import Import, ImportStatus
from imports.table_notes import notes
from web.portal.api.base import ProgramView
from web.portal.imports.page import first_choices, make_form

_UNDO_STEPS = {"check": services.check_undo, "undo": services.undo, "keep": services.keep}


class ImportSerializer(serializers.Serializer[Import]):
    """An import; ``summary`` is the result of the check, then of the import."""

    uid = serializers.CharField()
    status = ChoiceField(choices=ImportStatus.choices)
    message = serializers.SerializerMethodField()
    file_name = serializers.CharField()
    summary = serializers.DictField()
    notes = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    can_be_undone = serializers.SerializerMethodField()

    def get_message(self, import_: Import) -> str:
        """Return why it stopped, in the language of the request."""
        return read_stored(import_.message)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_notes(self, import_: Import) -> list[str]:
        """Return how a table was read: what its page proposes and leaves out."""
        return notes(import_.summary.get("reading", {}))

    @extend_schema_field(serializers.BooleanField())
    def get_can_be_undone(self, import_: Import) -> bool:
        return services.can_be_undone(import_)


class UndoStepSerializer(serializers.Serializer[None]):
    """A step of an undo: check it, undo, or keep the import."""

    verb = ChoiceField(choices=list(_UNDO_STEPS))


class ImportView(ProgramView):
    """Base of the views of one kind."""

    kind: AnyKind

    def find(self, uid: str) -> Import:
        """Return an import that the person may see, or raise a 404."""
        import_: Import = get_object_or_404(self.kind.model._default_manager, uid=uid)
        return import_

    def answer(self, import_: Import, *, changed: bool) -> Response:
        """Answer 202 with the import, or 409 if it was in another state."""
        if not changed:
            message = _("This import changed meanwhile. Look at it again.")
            return Response(error_body("wrong_state", message), status=409)
        import_.refresh_from_db()
        return Response(ImportSerializer(import_).data, status=202)


class NewImportView(ImportView):
    """Takes a file, which a worker checks."""

    http_method_names = ["post", "options"]
    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        """Store the file and have it checked; nothing is imported yet."""
        data = request.POST.copy()
        for name, choice in first_choices(self.kind).items():
            data.setdefault(name, choice)
        form = make_form(self.kind, data, request.FILES)
        if not form.is_valid():
            raise serializers.ValidationError(
                {
                    "detail" if name == "__all__" else name: _refusals(form, name)
                    for name in form.errors
                }
            )
        import_ = services.keep_upload(self.kind, user=self.person, **form.cleaned_data)
        return Response(ImportSerializer(import_).data, status=202)


class OneImportView(ImportView):
    """Reads an import."""

    http_method_names = ["get", "head", "options"]

    @extend_schema(responses=ImportSerializer)
    def get(self, request: Request, uid: str) -> Response:
        """Return the status of an import, and what it did or would do."""
        return Response(ImportSerializer(self.find(uid)).data)


class StartImportView(ImportView):
    """Starts an import."""

    http_method_names = ["post", "options"]

    @extend_schema(request=None, responses={202: ImportSerializer})
    def post(self, request: Request, uid: str) -> Response:
        """Import the rows without faults of a checked file."""
        import_ = self.find(uid)
        started = services.start(import_=import_, user=self.person)
        return self.answer(import_, changed=started)


class UndoImportView(ImportView):
    """Undoes an import."""

    http_method_names = ["post", "options"]
    parser_classes = [JSONParser]

    @extend_schema(request=UndoStepSerializer, responses={202: ImportSerializer})
    def post(self, request: Request, uid: str) -> Response:
        """Check what an undo would take back, undo the import, or keep it."""
        import_ = self.find(uid)
        verb = valid_data(UndoStepSerializer(data=request.data))["verb"]
        step = _UNDO_STEPS[verb]
        return self.answer(import_, changed=step(import_=import_, user=self.person))


def paths() -> Iterator[URLPattern]:
    """Yield the same four addresses for each kind that imports files."""
    for kind in all_kinds():
        if not kind.uploads:
            continue
        prefix = f"imports/{kind.key}/<str:uid>/"
        for address, view, suffix in (
            (f"imports/{kind.key}/", NewImportView, ""),
            (prefix, OneImportView, "_one"),
            (f"{prefix}start/", StartImportView, "_start"),
            (f"{prefix}undo/", UndoImportView, "_undo"),
        ):
            made = _view_of(view, kind)
            yield path(address, made.as_view(), name=f"{kind.name}{suffix}")


def _view_of(view: type[ImportView], kind: AnyKind) -> type[ImportView]:
    """Return the view for one kind, with its permission and the fields of its form."""
    names = {"kind": kind, "reads": kind.action, "changes": kind.action}
    if view is not NewImportView:
        return type(view.__name__, (view,), names)
    made = type(view.__name__, (view,), {**names, "files_for": kind.action})
    described = extend_schema(
        request={"multipart/form-data": _describe_form(make_form(kind))},
        responses={202: ImportSerializer},
    )
    return described(made)


def _refusals(form: forms.Form, name: str) -> list[str]:
    """Return what is wrong with a field; of a choice also what to choose from."""
    texts = [str(error) for error in form.errors[name]]
    field = form.fields.get(name)
    if (
        isinstance(field, forms.ChoiceField)
        and not isinstance(field, forms.ModelChoiceField)
        and form.has_error(name, "invalid_choice")
    ):
        choices: Any = field.choices  # Any: its type is that of all that it may be set to
        names = choice_names(value for value, _label in choices)
        texts.append(_("Choose from: %(choices)s.") % {"choices": names})
    return texts


def _describe_form(form: forms.Form) -> dict[str, Any]:  # Any: JSON
    """Describe a form; what is left out gets the value that the page chooses."""
    return {
        "type": "object",
        "required": [
            name
            for name, field in form.fields.items()
            if field.required and type(field) is not forms.ChoiceField
        ],
        "properties": {
            name: {
                "type": "boolean" if type(field) is forms.BooleanField else "string",
                **({"format": "binary"} if isinstance(field, forms.FileField) else {}),
                "description": str(field.label or name),
            }
            for name, field in form.fields.items()
        },
    }
