"""``manage.py import_file KIND FILE``: checks and imports a file of any kind."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from base.accounts.management.finding import find_user
from base.accounts.models import User
from base.accounts.reach import working_for
from base.common.file_faults import path_and_reason
from base.jobs.errors import Failed
from base.jobs.runner import here
from base.jobs.services import begin_here
from imports import jobs, services
from imports.kinds import AnyKind, all_kinds
from imports.models import Import, ImportStatus
from imports.undoing.noting import HOW_TO_UNDO
from web.portal.imports.page import first_choices, make_form


class Command(BaseCommand):
    """Does what the pages of imports do, in this process."""

    help = "Check a file and import it, as the pages of imports do."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""
        kinds = {kind.key: kind for kind in all_kinds() if kind.uploads}
        titles = "; ".join(f"{key}: {kind.title}" for key, kind in kinds.items())
        parser.add_argument("kind", choices=kinds, help=titles.replace("%", "%%"))
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "values",
            nargs="*",
            metavar="NAME=VALUE",
            help="Other fields of the page's form, such as bucket=3 or encoding=utf-8; "
            "for a field with a file its path.",
        )
        parser.add_argument("--username", required=True, help="Who imports it.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Only check it; the import waits on its page."
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Import it; exit with status 1 if rows were refused."""
        user = find_user(options["username"])
        kind = next(kind for kind in all_kinds() if kind.key == options["kind"])
        try:
            with working_for(user):
                import_ = self._keep(kind, options, user)
            self._run(kind, import_, user, dry=options["dry_run"])
        except (PermissionDenied, Failed) as refused:
            raise CommandError(str(refused)) from refused
        except OSError as error:
            raise CommandError(f"{path_and_reason(error)}.") from error
        for fault in import_.summary.get("faults", []):
            self.stderr.write(", ".join(f"{name}: {fault[name]}" for name in fault))
        for name, count in import_.summary.items():
            if isinstance(count, int):
                self.stdout.write(f"{name.replace('_', ' ')}: {count}")
        self.stdout.write(
            f"Checked, not imported: {import_.uid}"
            if options["dry_run"]
            else HOW_TO_UNDO % import_.uid
        )
        if import_.summary.get("refused"):
            sys.exit(1)

    def _keep(self, kind: AnyKind, options: dict[str, Any], user: User) -> Import:
        """Make the import that the page's form would. Any: Django's own."""
        if not user.has_perm(kind.action):
            raise CommandError(f"{user.username} may not do this: {kind.title}.")
        values = dict(pair.partition("=")[::2] for pair in options["values"])
        first, *extra_uploads = kind.uploads
        paths = {first: options["file"]}
        paths |= {name: Path(values.pop(name)) for name in extra_uploads if name in values}
        with ExitStack() as stack:
            form = make_form(
                kind,
                first_choices(kind) | values,
                {
                    name: File(stack.enter_context(path.open("rb")), name=path.name)
                    for name, path in paths.items()
                },
            )
            if unknown := ", ".join(sorted(values.keys() - form.fields.keys())):
                names = ", ".join(form.fields)
                raise CommandError(f"No field {unknown}. There are: {names}.")
            if not form.is_valid():
                raise CommandError(form.errors.as_text())
            import_: Import = services.make_import(kind, user=user, **form.cleaned_data)
        import_.save()
        return import_

    def _run(self, kind: AnyKind, import_: Import, user: User, *, dry: bool) -> None:
        with here(begin_here(kind.check, import_, user=user)) as context:
            jobs.check(context)
        import_.refresh_from_db()
        if import_.status != ImportStatus.CHECKED:
            raise CommandError(import_.message)
        if dry:
            return
        # No worker takes the job in between.
        with transaction.atomic():
            services.start(import_=import_, user=user)
            job = begin_here(kind.carry_out, import_, user=user)
        with here(job) as context:
            jobs.carry_out(context)
        import_.refresh_from_db()
