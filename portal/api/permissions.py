"""Who may call what: permission classes from the table of roles."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.roles import Action


class MayView(BasePermission):
    """Everyone with a role."""

    action = Action.VIEW
    message = "Your role does not allow this. Ask an admin for the role that does."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Ask the user's permissions."""
        return bool(request.user and request.user.has_perm(self.action))


class MayUpload(MayView):
    """Reviewers, managers and admins."""

    action = Action.UPLOAD
