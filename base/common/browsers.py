"""Names of the browser and the system of a user agent."""

from __future__ import annotations

# A browser names others that it resembles, so the first that fits is the right one.
_BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome"}
_BROWSERS |= {"Safari": "Safari"}
_SYSTEMS = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android"}
_SYSTEMS |= {"Windows": "Windows", "Mac OS X": "macOS", "Linux": "Linux"}


def browser_of(user_agent: str) -> tuple[str, str]:
    """Return browser and system, such as Firefox and Windows; "" for unknown ones."""
    browser, system = (
        next((name for mark, name in names.items() if mark in user_agent), "")
        for names in (_BROWSERS, _SYSTEMS)
    )
    return browser, system
