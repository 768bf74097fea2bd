"""The people who use the portal."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser

from accounts.roles import Action

_ACTION_NAMES = {
    Action.VIEW: "Can see files, matches and reports",
    Action.UPLOAD: "Can upload audio, submit links and rescan",
    Action.DECIDE: "Can decide matches",
    Action.APPROVE: "Can decide escalated matches and reopen decisions",
    Action.REPORT: "Can run reports",
    Action.EDIT_CATALOGUE: "Can add and edit recordings and buckets",
    Action.EDIT_DUPLICATES: "Can decide on duplicates",
    Action.DELETE: "Can delete scanned files",
    Action.CONFIGURE: "Can edit containers, users and settings",
}


class User(AbstractUser):
    """A person with a login; what they may do follows from their groups."""

    class Meta(AbstractUser.Meta):
        permissions = [
            (action.split(".")[1], name) for action, name in _ACTION_NAMES.items()
        ]
