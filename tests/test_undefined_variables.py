"""A template of ours that names an undefined variable fails the test of its page."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.template import Context, Origin, Template, engines
from django.template.backends.django import DjangoTemplates

OURS = Path(settings.BASE_DIR) / "templates" / "page.html"
THEIRS = Path("/site-packages/django/page.html")


class Row:
    """An object with a missing related row."""

    @property
    def related(self) -> object:
        """Raise as a one-to-one relation does."""
        raise ObjectDoesNotExist


def render(text: str, origin: Path = OURS, **names: object) -> str:
    """Return the template's output."""
    backend = engines["django"]
    assert isinstance(backend, DjangoTemplates)
    template = Template(text, Origin(name=str(origin)), engine=backend.engine)
    return template.render(Context(names))


@pytest.mark.parametrize(
    "text",
    [
        "{{ nothing }}",
        "{{ row.nothing }}",
        "{{ nothing|upper }}",
        "{% for one in rows %}{{ two }}{% endfor %}",
        "{% if rows %}{{ row.related }}{% endif %}",
        "{% load i18n %}{% blocktranslate with x=nothing %}{{ x }}{% endblocktranslate %}",
    ],
)
def test_an_undefined_variable_fails(text: str) -> None:
    with pytest.raises(pytest.fail.Exception):
        render(text, row=Row(), rows=[1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ nothing|default:'–' }}", "–"),
        ("{{ none|default_if_none:'–' }}", "–"),
        ("{% if nothing %}a{% else %}b{% endif %}", "b"),
        ("{% if row.related %}a{% else %}b{% endif %}", "b"),
        ("{{ empty }}", ""),
    ],
)
def test_what_may_be_missing_does_not(text: str, message: str) -> None:
    assert render(text, none=None, empty="", row=Row()) == message


@pytest.mark.parametrize("text", ["{{ nothing }}", "{{ nothing|upper }}"])
def test_templates_of_libraries_may_have_gaps(text: str) -> None:
    assert render(text, THEIRS) == ""
