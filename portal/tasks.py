"""Old import paths of tasks that now live in ``portal.imports.tasks``.

Jobs queued before the move still refer to them.
"""

from __future__ import annotations

from portal.imports.tasks import carry_out_import, check_import

__all__ = ["carry_out_import", "check_import"]
