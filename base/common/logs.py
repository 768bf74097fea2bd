"""Log filters: add the request id, remove secrets."""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar

from django.http import HttpRequest

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")

REDACTED = "REDACTED"
_END = r"\s\"'<>"
_SECRETS = [
    # The callback address for ACRCloud ends with the container's secret.
    re.compile(rf"(/callbacks/acrcloud/(?:accounts/)?[^/{_END}]*/)[^{_END}]+"),
    # Presigned URLs, ours and of object storage, and codes of single sign-on. The names
    # are found once for each parameter, then never searched again.
    re.compile(
        r"([?&](?:(?>[\w.-]*?(?:signature|token|secret|credential|password))[\w.-]*+"
        rf"|code|sig|sign|access_?key|api_?key)=)[^&#{_END}]+",
        re.IGNORECASE,
    ),
    # User name and password in a URL.
    re.compile(rf"(://)[^/@{_END}]+(?=@)"),
    # API tokens.
    re.compile(r"(acrp_)[\w-]{8,}"),
]
_formatter = logging.Formatter()
# Attributes of every log record; all others come from the logging call.
_STANDARD = frozenset(vars(logging.makeLogRecord({})))


def redact(text: str) -> str:
    """Return the text with secrets replaced."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<1>{REDACTED}", text)
    return text


class RequestIdFilter(logging.Filter):
    """Adds ``request_id`` to each record; it is empty outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the current request id; keep every record."""
        # Django logs refusals once the request is over.
        request = getattr(record, "request", None)
        record.request_id = current_request_id.get() or getattr(request, "request_id", "")
        return True


class RedactSecrets(logging.Filter):
    """Removes secrets from message, extra fields and traceback of each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Remove secrets; keep every record."""
        record.msg, record.args = redact(record.getMessage()), None
        for name in set(vars(record)) - _STANDARD:
            value = getattr(record, name)
            if isinstance(value, str | HttpRequest):
                setattr(record, name, redact(str(value)))
        if record.exc_info:
            record.exc_text = redact(_formatter.formatException(record.exc_info))
            # Formatters would format it again, with its secrets.
            record.exc_info = None
        return True
