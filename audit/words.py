"""Readable labels for the actors and actions of events."""

from __future__ import annotations


def actor_label(name: str) -> str:
    """Return the label of an actor: a person's name, or the automatic actor.

    Events hold names such as "policy:Short uses", "licence:LIC-2" or
    "command:run_demo". User names cannot contain a colon.
    """
    kind, colon, own = name.partition(":")
    if not colon:
        return name
    return f"{kind} “{own.replace('_', ' ')}”" if kind == "command" else f"{kind} {own}"


def via_label(via: str) -> str:
    """Return the label of the API token that was used, if any."""
    token, _space, name = via.partition(" ")
    return f"token “{name}”" if token.startswith("token:") and name else via


def action_label(action: str) -> str:
    """Return an action in words: "lock_ended" becomes "Lock ended"."""
    return action.replace(".", " ").replace("_", " ").capitalize()
