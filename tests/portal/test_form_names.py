"""Names of fields must not hide what scripts call on a form.

A control called ``matches`` replaces ``form.matches()`` in every browser (HTML standard,
"named access on the form"), and htmx and our own scripts fail on that page.
"""

from __future__ import annotations

from collections.abc import Iterator

from django import forms
from django.urls import get_resolver

HIDDEN_BY_A_NAME = frozenset(
    [
        *("addEventListener", "append", "attributes", "checkValidity", "children"),
        *("classList", "click", "closest", "contains", "dataset", "dispatchEvent"),
        *("elements", "focus", "getAttribute", "hasAttribute", "isConnected"),
        *("matches", "nextElementSibling", "parentElement", "parentNode", "remove"),
        *("querySelector", "querySelectorAll", "removeAttribute", "replaceWith"),
        *("reportValidity", "requestSubmit", "reset", "setAttribute", "submit"),
    ]
)


def _below(kind: type[forms.BaseForm]) -> Iterator[type[forms.BaseForm]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def test_no_field_hides_a_method_of_its_form() -> None:
    # Loads the views, and with them the forms.
    assert get_resolver().url_patterns
    ours = [
        form for form in _below(forms.BaseForm) if form.__module__.startswith("portal.")
    ]
    assert len(ours) > 40
    hidden = [
        f"{form.__module__}.{form.__name__}.{name}"
        for form in ours
        for name in getattr(form, "base_fields", {})
        if name in HIDDEN_BY_A_NAME
    ]
    assert hidden == []
