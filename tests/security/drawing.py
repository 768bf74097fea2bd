"""Answers whose status alone counts are not drawn: a page takes most of a request's time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.template.backends.django import Template


@contextmanager
def undrawn() -> Iterator[None]:
    """Let every template of an answer be empty."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "render", lambda *_args, **_kwargs: "")
        yield
