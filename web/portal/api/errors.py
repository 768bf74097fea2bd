"""Turns errors of the portal's own API into responses of one shape."""

from __future__ import annotations

from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.http import Http404
from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.permissions import SAFE_METHODS
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from base.accounts.tokens import NO_TOKEN
from base.common.api_errors import CODE_OF_STATUS, Refused, error_body
from base.common.bodies import BodyTooLarge
from review.errors import MatchJoined
from review.programmes.errors import ProgrammeRefused
from scanning.errors import IntakeRefused
from statements.errors import StatementRefused

_STATUS_OF_REFUSAL = {
    "stale": 409,
    "locked": 409,
    "not_possible": 409,
    "nothing_to_undo": 409,
    "listed": 409,
    "gone": 409,
    "not_allowed": 403,
    "second_person": 403,
    "wrong_state": 409,
    "taken": 409,
    "unfit_matches": 409,
    "stated": 409,
}


def _answer_refusal(error: Refused, method: str) -> Response | None:
    if isinstance(error, MatchJoined) and method in SAFE_METHODS:
        # The middleware answers with the address of the joined match.
        return None
    status = _STATUS_OF_REFUSAL.get(error.code, 422)
    body = error_body(error.code, error.message, error.fields or None)
    return Response(body, status=status)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer domain errors and DRF's with {message, error, code, request_id}.

    Return None for other errors, which become a 500. Any: DRF's own signature.
    """
    if isinstance(error, IntakeRefused):
        return Response(error_body(error.code, str(error)), status=error.status)
    if isinstance(error, Refused):
        return _answer_refusal(error, context["request"].method)
    if isinstance(error, ProgrammeRefused):
        fields = {error.field: [str(error)]} if error.field else None
        status = _STATUS_OF_REFUSAL.get(error.code, 422)
        body = error_body(error.code, str(error), fields)
        return Response(body, status=status)
    if isinstance(error, StatementRefused):
        return Response(error_body("not_possible", error.message), status=409)
    if isinstance(error, BodyTooLarge | UnreadablePostError | RecursionError):
        return _of_body(error)
    if isinstance(error, ReauthenticationRequired):
        message = _("Confirm that it is you, on a page of the portal, then try again.")
        return Response(error_body("confirm_first", message), status=403)
    response = drf_exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        response.status_code = 422
        response.data = error_body("invalid", "Some fields need another value.", response.data)
        return response
    code = _own_code(error) or CODE_OF_STATUS.get(response.status_code, "error")
    detail = response.data.get("detail", "") if isinstance(response.data, dict) else ""
    response.data = error_body(code, _text_of(error) or str(detail))
    return response


def _text_of(error: Exception) -> str:
    """Return our own text where the framework's helps nobody."""
    if isinstance(error, Http404):
        # Django's own text names the class of the row.
        return "There is nothing at this address."
    if isinstance(error, exceptions.NotAuthenticated):
        takes_tokens = error.status_code == 401
        return NO_TOKEN if takes_tokens else _("Only people who are signed in may call this.")
    return ""


def _own_code(error: Exception) -> str:
    """Return the code that a view gave its refusal; empty for the framework's own."""
    if not isinstance(error, exceptions.APIException):
        return ""
    ancestors = type(error).__mro__
    framework = next(kind for kind in ancestors if kind.__module__ == exceptions.__name__)
    code = error.get_codes()
    return code if isinstance(code, str) and code != vars(framework)["default_code"] else ""


def _of_body(error: Exception) -> Response:
    """Answer a body that could not be read."""
    if isinstance(error, BodyTooLarge):
        return Response(error_body("too_large", str(error)), status=413)
    if isinstance(error, UnreadablePostError):
        body = error_body("cut_off", "The request was cut off in the middle; nothing was kept.")
        return Response(body, status=400)
    # The JSON parser recurses for every nested bracket.
    body = error_body("malformed", "The body is nested too deeply.")
    return Response(body, status=400)
