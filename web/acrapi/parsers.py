"""Parsers for bodies as real clients send them.

An empty JSON body means no parameters, form fields may nest with brackets, and a
truncated body is refused rather than taken for a short file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import IO, Any

from django.http import QueryDict
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, DataAndFiles, MultiPartParser
from rest_framework.request import Request

from web.acrapi.errors import CUT_OFF, WireError

MAX_JSON_BYTES = 4 * 1024**2
MAX_FORM_BYTES = 2 * MAX_JSON_BYTES
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_MAX_DEPTH = 4

# Any in this module: JSON or form fields from clients.


class WireJSONParser(BaseParser):
    """Parses JSON objects; an empty body is an empty object."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the object; raise ``ParseError`` for other content."""
        # One byte more than allowed proves that the body is too large.
        content = stream.read(MAX_JSON_BYTES + 1)
        if len(content) > MAX_JSON_BYTES:
            raise WireError(413, "too_large", "A JSON body may have at most 4 MiB.")
        refuse_cut_off(parser_context, len(content))
        if not content.strip():
            return {}
        try:
            body = json.loads(content.decode("utf-8"))
        # Deeply nested JSON raises RecursionError.
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {error}.") from error
        if not isinstance(body, dict):
            raise ParseError('The body must be a JSON object, as {"name": "…"}.')
        return body


class WireFormParser(BaseParser):
    """Parses ``a=1&b[c]=2`` into nested values."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the fields."""
        content = stream.read(MAX_FORM_BYTES + 1)
        if len(content) > MAX_FORM_BYTES:
            raise WireError(413, "too_large", "A form body may have at most 8 MiB.")
        refuse_cut_off(parser_context, len(content))
        return nested(QueryDict(content, encoding="utf-8"))


class _CountingStream:
    """Counts the bytes read from a stream."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self.count += len(content)
        return content


class WireMultiPartParser(MultiPartParser):
    """Parses multipart bodies; files go to disk as they arrive."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> DataAndFiles[Any, Any]:
        """Return fields and files; refuse a truncated body."""
        counted = _CountingStream(stream)
        try:
            parsed = super().parse(
                counted,  # type: ignore[arg-type]  # the parser only reads
                media_type,
                parser_context,
            )
        except MultiPartParserError as error:
            raise ParseError(f"The multipart body could not be read: {error}.") from error
        refuse_cut_off(parser_context, counted.count)
        return DataAndFiles(nested(parsed.data), parsed.files)


def fields_of(request: Request) -> dict[str, Any]:
    """Return the fields of a parsed body."""
    return dict(request.data.items()) if isinstance(request.data, dict) else {}


def refuse_cut_off(context: Mapping[str, Any] | None, received: int) -> None:
    """Raise if fewer bytes arrived than the request announced."""
    request = (context or {}).get("request")
    announced = request.META.get("CONTENT_LENGTH", "") if request is not None else ""
    if str(announced).isdigit() and received < int(announced):
        raise WireError(400, "cut_off", CUT_OFF)


def nested(fields: QueryDict) -> dict[str, Any]:
    """Return form fields with ``a[b]``, ``a[]`` and ``a[0]`` as objects and lists."""
    result: dict[str, Any] = {}
    for name in fields:
        values = fields.getlist(name)
        path = [name.split("[", 1)[0], *_BRACKETS.findall(name)]
        # Names nested too deeply stay flat, so that a form cannot build huge objects.
        if len(path) == 1 or len(path) > _MAX_DEPTH:
            result[name] = values[-1]
            continue
        into = result
        for step in path[:-1]:
            if not isinstance(into.get(step), dict):
                into[step] = {}
            into = into[step]
        for value in values:
            # ``a[]`` appends to ``a``.
            into[path[-1] or str(len(into))] = value
    return {name: _convert_to_list(value) for name, value in result.items()}


def _convert_to_list(value: Any) -> Any:
    """Convert objects with the keys 0, 1, 2 … to lists."""
    if not isinstance(value, dict):
        return value
    inner = {name: _convert_to_list(item) for name, item in value.items()}
    if inner and list(inner) == [str(number) for number in range(len(inner))]:
        return list(inner.values())
    return inner
