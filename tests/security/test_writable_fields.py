"""The fields that each model form and each API body may write.

The forms, admin screens, serializers and bodies are discovered in the code: a new one
fails here until its fields are listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import BooleanField, Field, Model, UniqueConstraint
from django.forms import ModelForm
from django.test import Client, RequestFactory
from drf_spectacular.generators import SchemaGenerator
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from rest_framework.serializers import ModelSerializer

from base.accounts.models import User
from base.accounts.roles import Role
from scanning.models import Project
from tests.factories.accounts import confirm, make_user
from tests.modules import import_all, is_ours, ours
from tests.scanning.podcast import Podcast
from tests.security.forms import PAGES, TOLD, Body, Page
from tests.security.test_admin import undone
from tests.security.test_extra_fields import OURS
from tests.security.world import Desk
from web.portal.api.programmes import StatedSerializer

pytestmark = pytest.mark.django_db

# These differ in every row anyway; a body must not set them.
PER_ROW = {
    *("created_at", "updated_at", "last_check_at", "state_at"),
    *("position", "link_key"),
    *("signing_secret_sealed", "callback_secret_sealed", "access_secret_sealed"),
}
NUMBER = 987_654_321
TEXT = "INJECTED"


def test_every_form_of_a_model_is_tried() -> None:
    import_all()
    # The admin's subclasses are checked below.
    forms = {
        form
        for form in ours(ModelForm)
        if form._meta.model and not form.__module__.startswith("web.portal.admin")
    }

    tried = {form for form, _ in PAGES.values()}
    unlisted = {
        f"{form.__qualname__}.{name}"
        for form in forms - tried
        for name in form.base_fields.keys() - form.declared_fields.keys()
        if name in _columns_of(form._meta.model) and name not in _listed_by(form._meta.model)
    }
    assert tried <= forms
    assert not unlisted, "List the column in the model, or give the form a page in PAGES."


def _columns_of(model: type[Model]) -> set[str]:
    return {column.name for column in model._meta.get_fields()}


def _listed_by(model: type[Model]) -> set[str]:
    """Return the columns that people set, as the model lists them."""
    lists = ("DETAILS", "SETTINGS", "TERMS", "VALUES")
    return {column for name in lists for column in getattr(model, name, ())}


def _naming(model: type[Model]) -> set[str]:
    """Return the columns by which people name a row of a model."""
    rules = [rule for rule in model._meta.constraints if isinstance(rule, UniqueConstraint)]
    return {column for rule in rules for column in rule.fields}


@pytest.fixture
def podcast(httpserver: HTTPServer, settings: Settings) -> Podcast:
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True
    settings.ACRPORTAL_DROP_ROOTS = ["/srv"]
    feed = Podcast(httpserver.url_for("/feed"), ["one"])
    httpserver.expect_request("/feed").respond_with_handler(feed.answer)
    return feed


def test_form_writes_its_own_fields_alone(podcast: Podcast) -> None:
    desk, victim = Desk(1), make_user(Role.ADMIN)
    people = {role: make_user(role) for role in Role}
    for name, (form, page) in PAGES.items():
        with undone():
            faults = _faults_of(form, page, desk, podcast, people[page.role], victim)
        desk.forget_rows()
        assert not faults, f"{name}: {faults}"


def _faults_of(
    form: type[ModelForm[Any]], page: Page, desk: Desk, podcast: Podcast, person: User, victim: User
) -> list[str]:
    """Send a form, and again with every other column; return what that has changed."""
    row = page.row(desk) if page.row else None
    columns = [
        column for column in page.model._meta.concrete_fields if column.name not in form.base_fields
    ]
    plain = _written(page, row, desk, podcast, person, {})
    hostile = {column.name: _other_value(column, plain, victim) for column in columns}
    hostile |= {column.attname: hostile[column.name] for column in columns}
    if page.row is None:
        page.model._base_manager.filter(pk=plain.pk).update(**_moved_away(page.model, plain))

    loaded = _written(page, row, desk, podcast, person, hostile)

    assert len(hostile) > 2
    faults = []
    for column in columns:
        now, before = getattr(loaded, column.attname), getattr(plain, column.attname)
        own = column.primary_key or column.unique or column.name in PER_ROW
        if now != before and not own:
            faults.append(f"{column.name} changed")
        if now == hostile[column.name]:
            faults.append(f"{column.name} was taken from the body")
    return faults


def _moved_away(model: type[Model], row: Model) -> Body:
    """Return a change that frees the first row's name for the second row."""
    names = {column.name for column in model._meta.concrete_fields}
    if "link_key" in names:
        return {"link_key": "gone", "url": "https://gone.example/"}
    if {"bucket", "field"} <= names:
        return {"field": "upc"}
    named = names & {"name", "title", "holder"}
    return {named.pop(): f"First {row.pk}"}


def _written(
    page: Page, row: Model | None, desk: Desk, podcast: Podcast, person: User, extra: Body
) -> Model:
    client = Client()
    client.force_login(person)
    confirm(client)
    sent = {name: value for name, value in extra.items() if value is not None}

    answer = client.post(page.path(row), sent | page.body(desk, podcast))

    assert answer.status_code in {200, 302}, answer.content[:300]
    assert answer.status_code == 302 or page.model is Project, "the form was refused"
    if row is not None:
        return page.model._base_manager.get(pk=row.pk)
    return page.model._base_manager.latest("pk")


def _other_value(column: Field[Any, Any], row: Model, victim: User) -> object:
    """Return a value that a form accepts and that differs from the row's value."""
    value = getattr(row, column.attname)
    if column.related_model is User:
        return victim.pk
    if isinstance(column, BooleanField):
        # A box that is not ticked is not sent.
        return True if not value else None
    if column.choices:
        return next(str(choice) for choice, _ in column.flatchoices if choice != value)
    kind = column.get_internal_type()
    if "Integer" in kind or "Auto" in kind or column.related_model:
        return NUMBER
    if kind == "DateTimeField":
        return "2001-01-01 00:00:00"
    return {"DateField": "2001-01-01", "DecimalField": "7", "FloatField": "7"}.get(kind, TEXT)


def test_screens_of_the_admin_ask_for_no_column_ofours() -> None:
    request = RequestFactory().get("/admin/")
    request.user = make_user(Role.ADMIN)
    seen, wrong = 0, []
    for model, screen in admin.site._registry.items():
        if not is_ours(model):
            continue
        # The tests of the admin's rights cover read-only screens.
        forms = [screen.get_form(request, change=True)]
        if screen.has_add_permission(request):
            forms.append(screen.get_form(request, change=False))
        forms += [
            inline.get_formset(request).form
            for inline in screen.get_inline_instances(request)
            if inline.has_change_permission(request)
        ]
        for form in forms:
            seen += 1
            wrong += [f"{model._meta.label}: {name}" for name in OURS & set(form.base_fields)]
    assert seen > 30
    assert not wrong, wrong


def test_serializers_of_models_are_only_read() -> None:
    import_all()
    kinds = list(ours(ModelSerializer))

    assert kinds
    for kind in kinds:
        if not hasattr(kind, "Meta"):  # the base of others
            continue
        model = kind.Meta.model
        stated = (
            {"version", *_listed_by(model), *_naming(model)}
            if issubclass(kind, StatedSerializer)
            else ()
        )
        written = [
            name
            for name, field in kind().fields.items()
            if not field.read_only and name not in stated and name not in kind._declared_fields
        ]
        assert not written, f"{kind.__qualname__} would write {written}"


def test_bodies_of_the_apis_name_no_column_ofours() -> None:
    generator: Any = SchemaGenerator  # Any: only partly typed
    document = generator().get_schema(request=None, public=True)
    named = set(_named_in_bodies(document))

    assert len(named) > 60
    assert {column for column in named if column[2] in OURS} == set(TOLD), (
        "A body names what only services write; rename it, or say in TOLD why it is told."
    )


def _named_in_bodies(document: Body) -> Iterator[tuple[str, str, str]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            bodies = operation.get("requestBody", {}).get("content", {})
            for body in bodies.values():
                for name in _names(body["schema"], document):
                    yield method, path, name


def _names(schema: Body, document: Body) -> set[str]:
    if "$ref" in schema:
        named = schema["$ref"].rpartition("/")[2]
        return _names(document["components"]["schemas"][named], document)
    properties = set(schema.get("properties", {}))
    for way in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(way, []):
            properties |= _names(part, document)
    return properties
