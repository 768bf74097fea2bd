"""Readable labels for the actors and actions of events."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

_ACTORS = {
    "policy": lazy("policy %(name)s"),
    "licence": lazy("licence %(name)s"),
    "command": lazy("command “%(name)s”"),
}


def actor_label(name: str) -> str:
    """Return the label of an actor: a person's name, or the automatic actor.

    Events hold names such as "policy:Short uses", "licence:LIC-2" or
    "command:run_demo". User names cannot contain a colon.
    """
    kind, colon, own = name.partition(":")
    if not colon:
        return name
    shown = own.replace("_", " ") if kind == "command" else own
    label = _ACTORS.get(kind)
    return label % {"name": shown} if label else f"{kind} {shown}"


def via_label(via: str) -> str:
    """Return the label of the API token that was used, if any."""
    token, _space, name = via.partition(" ")
    if token.startswith("token:") and name:
        return _("token “%(name)s”") % {"name": name}
    return via


def action_label(action: str) -> str:
    """Return an action in words: "lock_ended" becomes "Lock ended".

    ``acrportal.translations`` collects the actions, as no text is written out here.
    """
    return _(action_text(action)) if action else ""


def action_text(action: str) -> str:
    """Return an action in English words."""
    return action.replace(".", " ").replace("_", " ").capitalize()
