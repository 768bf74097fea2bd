"""Finds the installed plug-ins and what their ``settings.py`` adds to the settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Plugin:
    """One folder of ``plugins/``, as its ``settings.py`` describes it.

    All entries of that module are optional: ``REQUIRES`` names other plug-ins, ``APPS``
    its Django apps where it has more than one, ``ENUMS`` names of enums in the API's
    schema, and every name that begins with ``ACRPORTAL_`` is a setting.
    """

    name: str
    apps: tuple[str, ...]
    requires: tuple[str, ...] = ()
    enums: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)  # Any: as Django's own


def plugin_names(folder: Path) -> list[str]:
    """Return the names of all plug-ins in the folder, in alphabetical order."""
    return sorted(path.parent.name for path in folder.glob("*/apps.py"))


def load_plugins(names: Iterable[str], folder: Path) -> list[Plugin]:
    """Read the plug-ins with these names; those that others require come first.

    Raises ``ImproperlyConfigured`` for a plug-in that is missing.
    """
    plugins = {name: _read(name, folder) for name in names}
    for plugin in plugins.values():
        for required in plugin.requires:
            if required not in plugins:
                raise ImproperlyConfigured(
                    f"The plug-in {plugin.name} requires {required}: "
                    f"add {required} to ACRPORTAL_PLUGINS, or remove {plugin.name}."
                )
    return list(_in_order(plugins))


def _read(name: str, folder: Path) -> Plugin:
    if not (folder / name / "apps.py").is_file():
        raise ImproperlyConfigured(
            f"ACRPORTAL_PLUGINS names {name}, but {folder.name}/{name} is no plug-in. "
            f"There are: {', '.join(plugin_names(folder)) or 'none'}."
        )
    package = f"{folder.name}.{name}"
    if find_spec(f"{package}.settings") is None:
        return Plugin(name, apps=(package,))
    module = vars(import_module(f"{package}.settings"))
    return Plugin(
        name,
        apps=module.get("APPS", (package,)),
        requires=module.get("REQUIRES", ()),
        enums=module.get("ENUMS", {}),
        settings={key: value for key, value in module.items() if key.startswith("ACRPORTAL_")},
    )


def _in_order(plugins: Mapping[str, Plugin]) -> Iterator[Plugin]:
    waiting = dict(plugins)
    while waiting:
        ready = [
            plugin
            for plugin in waiting.values()
            if not any(required in waiting for required in plugin.requires)
        ]
        if not ready:
            raise ImproperlyConfigured(f"These plug-ins require one another: {', '.join(waiting)}.")
        for plugin in ready:
            del waiting[plugin.name]
        yield from ready
