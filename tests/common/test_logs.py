"""The log has no secrets, whatever writes to it."""

from __future__ import annotations

import io
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from base.common.logs import RedactSecrets, redact

_SECRET = "Kx9-secret_value"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Return the output of the configured log handler."""
    # Any: the shape of a logging configuration.
    parts: dict[str, Any] = dict(settings.LOGGING)
    errors, formatter = parts["handlers"]["stderr"], parts["formatters"]["json"]
    handler = logging.config.DictConfigurator({"version": 1, **settings.LOGGING})
    written = io.StringIO()
    stream = logging.StreamHandler(written)
    stream.setFormatter(handler.configure_formatter(dict(formatter)))
    for name in errors["filters"]:
        made = handler.configure_filter(dict(parts["filters"][name]))
        stream.addFilter(made)
    root = logging.getLogger()
    root.addHandler(stream)
    yield written
    root.removeHandler(stream)


@pytest.mark.django_db
def test_a_refused_request_is_in_the_log_without_its_secret(log: io.StringIO) -> None:
    for method, path in (
        ("POST", f"/callbacks/acrcloud/1/{_SECRET}"),
        ("GET", f"/callbacks/acrcloud/1/{_SECRET}"),
        ("POST", f"/callbacks/acrcloud/accounts/1/{_SECRET}"),
        ("POST", f"/callbacks/acrcloud/1/{_SECRET}/more"),
        ("PUT", f"/uploads/abc?expires=1&signature={_SECRET}"),
        ("POST", f"/uploads/abc?signature={_SECRET}"),
        ("GET", f"/accounts/oidc/oidc/login/callback/?code={_SECRET}&state=a"),
        ("GET", f"/nowhere?access_token={_SECRET}"),
    ):
        Client().generic(method, path)
        assert _SECRET not in log.getvalue(), path

    assert "/uploads/abc?expires=1&signature=REDACTED" in log.getvalue()


def test_tracebacks_and_extra_fields_leave_no_secret(log: io.StringIO) -> None:
    address = f"https://name:{_SECRET}@host/a?X-Amz-Signature={_SECRET}&b=1"
    try:
        raise ValueError(address)
    except ValueError:
        logging.getLogger("some").exception("failed at %s", address, extra={"at": address})

    assert _SECRET not in log.getvalue()
    assert "ValueError" in log.getvalue()
    assert "b=1" in log.getvalue()


def test_every_route_with_a_secret_is_redacted() -> None:
    routes = [route for route in _routes(get_resolver().url_patterns) if "secret" in route]

    assert routes
    for route in routes:
        path = "/" + route.replace("<str:secret>", _SECRET)
        path = path.replace("<int:container_id>", "7").replace("<int:account_id>", "7")
        assert "<" not in path
        assert _SECRET not in redact(f"Not Found: {path}")


def _routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for resolver in patterns:
        route = before + str(resolver.pattern)
        if isinstance(resolver, URLResolver):
            yield from _routes(resolver.url_patterns, route)
        else:
            yield route


def test_other_texts_stay_as_they_are() -> None:
    for text in (
        "queue?state=pending&reason=low_score",
        "https://example.org/a/b?page=2#here",
        "mail to ana@example.org: sent",
        "scan 12 took 3 s",
    ):
        assert redact(text) == text


def test_the_access_log_of_the_web_server_is_redacted() -> None:
    fields = {"r": f"GET /a?token={_SECRET}", "s": "200"}
    record = logging.makeLogRecord({"msg": '%(r)s "%(s)s"', "args": fields})

    RedactSecrets().filter(record)

    assert record.getMessage() == 'GET /a?token=REDACTED "200"'
