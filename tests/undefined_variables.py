"""Makes a page fail its test when a template names a variable that does not exist.

Django replaces such a variable with ``string_if_invalid``, in production with nothing,
so a misspelt name leaves a gap that no test sees. The object here replaces that
setting. It fails for templates of this project only; libraries rely on the gaps. A
variable with ``|default:…`` may be missing, and so may a variable in ``{% if %}``.
"""

from __future__ import annotations

import re
import sys
from types import FrameType

import pytest
from django.conf import settings
from django.template.base import FilterExpression, Node

_OWN = re.compile(rf"{re.escape(str(settings.BASE_DIR))}/(plugins/\w+/)?templates/")
_MAY_BE_MISSING = ("default", "default_if_none")


class Undefined(str):
    """An undefined variable's value: empty in libraries, an error in our templates."""

    __slots__ = ()

    def __bool__(self) -> bool:
        """Make Django render this object, which fails, in a template of ours."""
        caller = sys._getframe(1)
        expression = caller.f_locals.get("self")
        if caller.f_code is not FilterExpression.resolve.__code__:
            return False
        assert isinstance(expression, FilterExpression)
        names = [function.__name__ for function, _ in expression.filters]
        if names and names[0] in _MAY_BE_MISSING:
            return False
        return bool(_own_template(caller))

    def __contains__(self, key: object) -> bool:
        """Let Django insert the variable's name."""
        return key == "%s"

    def __mod__(self, variable: object) -> str:
        """Fail with the names of the variable and the template."""
        template = _own_template(sys._getframe(1))
        pytest.fail(f"{template} names {variable}, which is undefined.", pytrace=False)

    def __str__(self) -> str:
        """Fail if a template of ours writes a missing related row."""
        template = _own_template(sys._getframe(1))
        if template:
            pytest.fail(f"{template} names a row that is not there.", pytrace=False)
        return ""


def _own_template(frame: FrameType | None) -> str:
    """Return the project's template that is being rendered, "" for a library's."""
    while frame is not None:
        node = frame.f_locals.get("self")
        if frame.f_code is Node.render_annotated.__code__ and isinstance(node, Node):
            name = node.origin.name if node.origin else ""
            own = bool(_OWN.match(name))
            line = node.token.lineno if node.token else ""
            return f"{name.removeprefix(f'{settings.BASE_DIR}/')}:{line}" if own else ""
        frame = frame.f_back
    return ""
