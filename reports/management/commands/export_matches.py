"""``manage.py export_matches``: write a match report to a file."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.http import QueryDict

from base.common.file_faults import path_and_reason
from base.common.filters import FilterRefused
from base.common.phrases import count_noun
from reports import files, services
from reports.choices import Format
from reports.layouts import Layout, UnknownColumn
from reports.models import ReportRun, ReportTemplate
from reports.options import OPTIONS
from review.choices import MatchState
from review.filters import MatchFilter
from scanning.models import Container

ACTOR = "command:export_matches"
*_OTHERS, _LAST = (f".{name}" for name in Format.values)
_ENDINGS = f"{', '.join(_OTHERS)} or {_LAST}"


class Command(BaseCommand):
    """Runs a report, saves its file, and prints the counts."""

    help = "Write a match report with its manifest: per match, segment or file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's options."""
        add = parser.add_argument
        add(
            "--output",
            required=True,
            type=Path,
            help=f"the file to write; its ending names the format: {_ENDINGS}; CSV without one",
        )
        add("--template", default="", help="a saved template; replaces the other options")
        for option in OPTIONS.values():
            if option.choices is not None:
                name = option.name.replace("_", "-")
                add(f"--{name}", choices=option.choices.values, help=option.help)
        add("--bom", action=BooleanOptionalAction, default=True, help="CSV only")
        add("--columns", default="", help="comma-separated names (default: all)")
        add("--container", default="", help="name or number of one container")
        add(
            "--state",
            action="append",
            default=[],
            choices=MatchState.values,
            help="only matches in this state; repeatable",
        )
        add("--filter", default="", help="more filters, as a query string of the match list")
        add("--run", default="", help="write the rows of this earlier run again")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Run the report, or rewrite the rows of an earlier run."""
        output: Path = options["output"]
        try:
            run = _run(options)
            files.save_report(run=run, target=output)
        except OSError as fault:
            because = path_and_reason(fault)
            raise CommandError(f"{output} could not be written: {because}.") from fault
        except (UnknownColumn, FilterRefused, services.ReportStopped) as fault:
            raise CommandError(str(fault)) from fault
        counts = ", ".join(f"{kind} {count}" for kind, count in run.counts["match_found"].items())
        self.stdout.write(
            f"{output}: {count_noun(run.row_count, 'row')} "
            f"(match found: {counts or 'none'}), "
            f"{run.size_bytes} bytes, SHA-256 {run.sha256}, report {run.uid}, "
            f"as of event {run.as_of_event}"
        )


def _run(options: dict[str, Any]) -> ReportRun:  # Any: parsed by argparse
    if options["run"]:
        earlier = ReportRun.objects.exclude(rows="").filter(uid=options["run"]).first()
        if earlier is None:
            raise CommandError(f"There is no report {options['run']} with stored rows.")
        layout = _layout(options, of=earlier)
        _refuse_other_ending(options["output"], layout.format)
        return services.write_again(run=earlier, layout=layout, user=ACTOR, now=True)
    if options["template"]:
        template = ReportTemplate.objects.filter(name=options["template"]).first()
        if template is None:
            names = ", ".join(ReportTemplate.objects.values_list("name", flat=True))
            raise CommandError(
                f"There is no template {options['template']}. There are: {names or 'none'}."
            )
        layout = Layout.of(template)
    else:
        layout = _layout(options)
    _refuse_other_ending(options["output"], layout.format)
    return services.build_report(layout=layout, user=ACTOR, name=options["output"].stem)


def _layout(options: dict[str, Any], of: ReportRun | None = None) -> Layout:  # Any: as above
    form = options["format"] or _format_of(options["output"])
    query = QueryDict(options["filter"], mutable=True)
    if options["state"]:
        query.setlist("state", options["state"])
    if options["container"]:
        text = options["container"]
        by_number = text.isascii() and text.isdigit()
        containers = Container.objects.present().filter(
            **{"pk": int(text)} if by_number else {"name": text}
        )[:2]
        if len(containers) != 1:
            problem = "is unknown" if not containers else "is the name of several containers"
            raise CommandError(f"Container {text} {problem}; give its number.")
        query["container"] = str(containers[0].pk)
    values = {**options, "format": form, "byte_order_mark": options["bom"]}
    if of is not None:
        values["files_without"] = of.files_without
    return Layout.given(
        values,
        filters=of.filters if of else MatchFilter.from_program(query).to_query(),
        columns=filter(None, options["columns"].split(",")),
    )


def _format_of(output: Path) -> str:
    """Return the format that the name of a file asks for; without an ending it is CSV."""
    ending = output.suffix.removeprefix(".").lower() or Format.CSV
    if ending not in Format.values:
        raise CommandError(
            f"The output must end in {_ENDINGS}, or have no ending for CSV. For another "
            "ending, give the --format."
        )
    return ending


def _refuse_other_ending(output: Path, form: str) -> None:
    """Raise if the name of the file names another format than it would have."""
    ending = output.suffix.removeprefix(".").lower()
    if ending in Format.values and ending != form:
        raise CommandError(f"The report is {form}, so the output cannot end in .{ending}.")
