"""A page as a person sees it: its links, its forms, and random input for the forms."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urljoin, urlsplit

from django.core.files.uploadedfile import SimpleUploadedFile
from lxml import html

from tests.season import samples

# How often a person leaves a field unchanged.
_KEEPS = 0.6
_LONG_NOTE = "An unusually long note. " * 150


@dataclass
class Control:
    """One control of a form, as HTML describes it."""

    name: str
    kind: str
    value: str = ""
    options: list[str] = field(default_factory=list)
    checked: bool = False
    multiple: bool = False
    minimum: str = ""
    maximum: str = ""
    max_length: int = 0


@dataclass
class Form:
    """One form of a page: its address and its controls."""

    url: str
    method: str
    controls: list[Control]
    page: str

    @property
    def path(self) -> str:
        """Return the form's target without the query."""
        return urlsplit(self.url).path

    def __str__(self) -> str:
        return f"{self.method} {self.url} (a form of {self.page})"


@dataclass
class Page:
    """An open page: its address, its links and its forms."""

    url: str
    title: str
    forms: list[Form]
    links: list[str]

    @classmethod
    def read(cls, url: str, content: bytes) -> Page:
        """Read an HTML page that was requested at ``url``."""
        document = html.document_fromstring(content or b"<html></html>")
        return cls(
            url=url,
            title=" ".join((document.findtext(".//title") or "").split()),
            forms=[_form(url, element, document) for element in document.iter("form")],
            links=list(_links(url, document)),
        )


@dataclass
class Filled:
    """A form that is ready to send."""

    form: Form
    fields: dict[str, list[str]]
    files: dict[str, list[SimpleUploadedFile]]

    @property
    def data(self) -> dict[str, list[str | SimpleUploadedFile]]:
        """Return fields and files together, as Django's test client expects them."""
        data: dict[str, list[str | SimpleUploadedFile]] = {
            name: list(values) for name, values in self.fields.items()
        }
        for name, files in self.files.items():
            data.setdefault(name, []).extend(files)
        return data

    def __str__(self) -> str:
        fields = {
            name: [value[:60] for value in values]
            for name, values in self.fields.items()
            if name != "csrfmiddlewaretoken" and values != [""]
        }
        files = {name: [file.name for file in some] for name, some in self.files.items()}
        return f"{self.form} with {fields}{f' and {files}' if files else ''}"


def fill(form: Form, rng: random.Random, now: datetime) -> Filled:
    """Fill a form like a hurried person: some fields, then one of the buttons."""
    filled = Filled(form, {}, {})
    buttons = [control for control in form.controls if control.kind == "submit"]
    radios: dict[str, list[Control]] = {}
    for control in form.controls:
        if control.kind == "radio":
            radios.setdefault(control.name, []).append(control)
        elif control.kind == "file":
            _attach(filled, control, rng)
        elif control.kind != "submit":
            for value in _values(control, rng, now):
                filled.fields.setdefault(control.name, []).append(value)
    for name, choices in radios.items():
        chosen = [control for control in choices if control.checked]
        if not chosen or rng.random() > _KEEPS:
            chosen = [rng.choice(choices)]
        filled.fields[name] = [chosen[0].value]
    named = [control for control in buttons if control.name]
    # A button without a name submits the form too, without a value.
    if named and (len(named) == len(buttons) or rng.random() < len(named) / len(buttons)):
        button = rng.choice(named)
        filled.fields[button.name] = [button.value]
    return filled


def _values(control: Control, rng: random.Random, now: datetime) -> Iterator[str]:
    """Yield the control's values; a box that is not ticked has none."""
    keeps = rng.random() < _KEEPS
    if control.kind == "hidden":
        yield control.value
    elif control.kind == "checkbox":
        if control.checked if keeps else rng.random() < 0.5:
            yield control.value
    elif control.kind == "select":
        if keeps and control.value:
            yield control.value
        elif control.multiple:
            yield from rng.sample(control.options, rng.randint(0, len(control.options)))
        elif control.options:
            yield rng.choice(control.options)
    elif control.value and keeps:
        yield control.value
    else:
        yield _text(control, rng, now)


def _text(control: Control, rng: random.Random, now: datetime) -> str:
    """Return text that a person might type, mostly valid for the field."""
    day = now.date() + timedelta(days=rng.choice([-400, -30, -1, 0, 0, 1, 7, 30, 400]))
    if control.kind == "date":
        return day.isoformat()
    if control.kind == "datetime-local":
        return f"{day}T{rng.randrange(24):02}:30"
    if control.kind == "time":
        return f"{rng.randrange(24):02}:00"
    if control.kind == "number":
        low = int(float(control.minimum)) if control.minimum else 0
        high = int(float(control.maximum)) if control.maximum else low + 100
        return str(rng.randint(low, max(low, high)))
    fitting = [words for part, words in samples.TEXTS.items() if part in control.name.lower()]
    text = rng.choice(fitting[0] if fitting else samples.WORDS)
    if control.kind == "textarea" and rng.random() < 0.02:
        text = _LONG_NOTE
    return text[: control.max_length] if control.max_length else text


def _attach(filled: Filled, control: Control, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 2) if control.multiple else 1):
        if rng.random() < 0.9:
            filled.files.setdefault(control.name, []).append(
                samples.some_file(control.name, filled.form.path, rng)
            )


def _links(url: str, document: html.HtmlElement) -> Iterator[str]:
    for link in document.iter("a"):
        target = urljoin(url, link.get("href", "#"))
        parts = urlsplit(target)
        if parts.netloc in ("", "testserver") and not link.get("href", "").startswith("#"):
            yield f"{parts.path}?{parts.query}" if parts.query else parts.path


def _form(url: str, form: html.HtmlElement, document: html.HtmlElement) -> Form:
    inside = [control for control in form.iter(*_CONTROLS) if control.get("form") is None]
    name = form.get("id")
    if name:
        inside += [control for control in document.iter(*_CONTROLS) if control.get("form") == name]
    target = urljoin(url, form.get("action") or url)
    parts = urlsplit(target)
    return Form(
        url=f"{parts.path}?{parts.query}" if parts.query else parts.path,
        method=(form.get("method") or "get").upper(),
        controls=[
            control
            for inside in inside
            if inside.get("disabled") is None
            for control in [_control(inside)]
            if control.name or control.kind == "submit"
        ],
        page=url,
    )


_CONTROLS = ("input", "select", "textarea", "button")


def _control(element: html.HtmlElement) -> Control:
    name = element.get("name") or ""
    if element.tag == "select":
        options = [option for option in element.iter("option") if option.get("disabled") is None]
        values = [option.get("value", option.text or "") for option in options]
        chosen = [
            value
            for option, value in zip(options, values, strict=True)
            if option.get("selected") is not None
        ]
        return Control(
            name,
            "select",
            value=(chosen or values or [""])[0],
            options=values,
            multiple=element.get("multiple") is not None,
        )
    if element.tag == "textarea":
        return Control(
            name,
            "textarea",
            value=(element.text or "").strip(),
            max_length=int(element.get("maxlength") or 0),
        )
    kind = (element.get("type") or "").lower()
    if element.tag == "button":
        kind = kind or "submit"
        if kind == "button":
            name, kind = "", "none"
    return Control(
        name,
        "submit" if kind == "image" else kind or "text",
        value=element.get("value") or ("on" if kind in ("checkbox", "radio") else ""),
        checked=element.get("checked") is not None,
        multiple=element.get("multiple") is not None,
        minimum=element.get("min") or "",
        maximum=element.get("max") or "",
        max_length=int(element.get("maxlength") or 0),
    )
