"""The check of pages finds inline code and unknown icons, and ignores text."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from tests.markup import faults_in_markup


def _page(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("<p style='color: red'>Red</p>")


urlpatterns = [path("red/", _page)]


@pytest.mark.parametrize(
    "html",
    [
        '<p class="a" style="color: red">',
        "<style>",
        '<a\nonclick="go()">',
        '<div hx-on:click="go()">',
        '<a href="javascript:go()">',
        '<script type="module">',
        '<use href="/static/1/img/icons.svg#no-such-icon">',
    ],
)
def test_a_fault_is_found(html: str) -> None:
    assert len(faults_in_markup(f"<body>{html}</body>")) == 1


@pytest.mark.parametrize(
    "html",
    [
        '<script src="/static/js/shell.js" defer></script>',
        '<script type="application/json">{"a": 1}</script>',
        '<p title="a style = one">&lt;p onclick=go()&gt; style=x</p>',
        '<use href="/static/1/img/icons.svg#check">',
    ],
)
def test_text_and_files_are_no_faults(html: str) -> None:
    assert faults_in_markup(html) == []


def test_a_page_with_a_fault_fails_its_test(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []

    with pytest.raises(pytest.fail.Exception, match="/red/ contains"):
        Client().get("/red/")
