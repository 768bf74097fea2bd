"""The page that asks before something ends that cannot be brought back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise

from web.portal.shared.access import PortalRequest
from web.portal.shared.consequences import Consequences, consequences_of

Words = str | Promise
AGREED = "agreed"


@dataclass(frozen=True, slots=True)
class Question:
    """What a page asks before a change.

    ``crumbs`` are the pages above with their addresses. *Cancel* leads to the last one,
    unless ``back`` is where the person came from.
    """

    title: Words
    text: Words
    submit: Words
    crumbs: Sequence[tuple[object, str]]
    back: str = ""


def ask_first(
    request: PortalRequest,
    *,
    title: Words,
    text: Words,
    submit: Words,
    crumbs: Sequence[tuple[object, str]],
    back: str = "",
    values: Mapping[str, str] | None = None,
) -> HttpResponseBase:
    """Show what will end and what stays; its button posts to the same address.

    ``crumbs`` and ``back`` are those of a question; ``values`` are what the form sends
    along.
    """
    question = Question(title, text, submit, crumbs, back)
    return _render_question(request, question, (values or {}).items())


def ask_before(
    request: PortalRequest,
    change: Callable[[], object],
    *,
    about: Q,
    question: Question,
    asks: Callable[[Consequences], bool] = bool,
) -> HttpResponseBase | None:
    """Show what a posted change would alter; None if the person agreed.

    Also None if nothing ``asks``, by default if nothing changes. Raises what the change
    raises.
    """
    consequences = not_agreed(request, change, about=about, asks=asks)
    if consequences is None:
        return None
    posted = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name not in (AGREED, "csrfmiddlewaretoken")
    ]
    fields = [*posted, (AGREED, consequences.mark)]
    return _render_question(request, question, fields, consequences=consequences)


def only_statements(consequences: Consequences) -> bool:
    """Return whether statements change: of matches, another page has told already."""
    return bool(consequences.statements or consequences.has_hidden)


def not_agreed(
    request: PortalRequest,
    change: Callable[[], object],
    *,
    about: Q,
    asks: Callable[[Consequences], bool] = bool,
) -> Consequences | None:
    """Return what a change does; None if a form says that it was seen.

    Also None if it is posted and nothing ``asks``.
    """
    consequences = consequences_of(change, about=about)
    is_agreed = not asks(consequences) or request.POST.get(AGREED) == consequences.mark
    return None if request.method == "POST" and is_agreed else consequences


def _render_question(
    request: PortalRequest,
    question: Question,
    values: Iterable[tuple[str, str]],
    consequences: Consequences | None = None,
) -> HttpResponseBase:
    context = {
        "title": question.title,
        "text": question.text,
        "submit": question.submit,
        "crumbs": question.crumbs,
        "cancel_url": question.back or question.crumbs[-1][1],
        "kept": values,
        "consequences": consequences,
    }
    return render(request, "components/ask_first.html", context)
