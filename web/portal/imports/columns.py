"""The form in which a person maps the columns of a table to ours."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from imports.column_check import HEADER_LINE
from imports.kinds import targets_of
from imports.mapping import (
    DATA,
    LEFT_OUT,
    Columns,
    MappedColumn,
    Targets,
    faults_of,
    from_json,
    lacking,
)
from imports.models import MappedImport, MappingOrigin
from imports.reading_rules import CHOICES

_MOST_LINES = 1_048_576
_OTHER = {DATA: _("Keep as data under this name"), LEFT_OUT: _("Leave out")}
_EMPTY_CELLS = [("keep", _("Keep the existing value")), ("clear", _("Clear the value"))]


def target_label(targets: Targets, target: str) -> str | Promise:
    """Return one of our columns in words, or what else becomes of a column."""
    return _OTHER.get(target) or targets.labels[target]


class TargetSelect(forms.Select):
    """What a column becomes; marks the targets whose values are never cleared.

    The style sheet hides the choice for empty cells beside them.
    """

    def __init__(self, targets: Targets, attrs: dict[str, Any]) -> None:
        # Any: as Django's own
        super().__init__(attrs)
        self.targets = targets

    def create_option(
        self, name: str, value: Any, *arguments: Any, **options: Any
    ) -> dict[str, Any]:  # Any: Django's own signature
        """Mark an option."""
        option = super().create_option(name, value, *arguments, **options)
        if not self.targets.can_clear(str(value)):
            option["attrs"]["data-stays"] = True
        return option


class MappingForm(forms.Form):
    """A target for each column of the file, and what its empty cells do."""

    def __init__(self, import_: MappedImport, data: Any = None) -> None:
        # Any: as Django's own
        super().__init__(data)
        self.targets = targets_of(import_)
        self.columns = from_json(import_.columns, self.targets)
        for position, column in enumerate(self.columns):
            name = column.name[:60] or gettext("column %(number)s") % {"number": position + 1}
            self.fields[f"column-{position}"] = forms.ChoiceField(
                label=name,
                initial=column.target,
                choices=_choices(column),
                widget=TargetSelect(
                    self.targets,
                    {"class": "control", "aria-labelledby": f"column-{position + 1} becomes"},
                ),
            )
            self.fields[f"empty-{position}"] = forms.ChoiceField(
                label=name,
                initial="clear" if column.clears else "keep",
                required=False,
                choices=_EMPTY_CELLS,
                widget=forms.Select(
                    {"class": "control", "aria-labelledby": f"column-{position + 1} empty-cells"}
                ),
            )

        self.fields[HEADER_LINE] = forms.IntegerField(
            label=_("Line with the names of the columns"),
            initial=import_.rules.get(HEADER_LINE, 1),
            required=False,
            min_value=1,
            max_value=_MOST_LINES,
            widget=forms.NumberInput({"class": "control"}),
        )
        concerned = self.targets.ruled.concerned(self.targets.labels)
        for name in concerned:
            label, choices = CHOICES[name]
            self.fields[name] = forms.ChoiceField(
                label=str(label),
                initial=import_.rules.get(name),
                required=False,
                choices=list(choices.items()),
                widget=forms.Select({"class": "control"}),
            )
        self.rule_names = (HEADER_LINE, *concerned)

    @property
    def rule_fields(self) -> list[BoundField]:
        """Return the fields about the whole table."""
        return [self[name] for name in self.rule_names]

    @property
    def rules(self) -> dict[str, Any]:  # Any: JSON
        """Return what was chosen; what was left out stays."""
        return {name: value for name in self.rule_names if (value := self.cleaned_data.get(name))}

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        """Refuse impossible mappings at their columns."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        if cleaned.get(HEADER_LINE) not in (None, self.fields[HEADER_LINE].initial):
            # Another line has other columns, which are mapped anew.
            return cleaned
        for fault in faults_of(self.chosen):
            self.add_error(f"column-{fault.position}", fault.text)
        if missing := lacking(self.chosen):
            self.add_error(None, missing_text(self.targets, missing))
        return cleaned

    def first_fields(self) -> dict[str, str]:
        """Return each text of an error once, with the id of the first field it names."""
        field_ids: dict[str, str] = {}
        for field in self:
            for error in field.errors:
                field_ids.setdefault(str(error), field.id_for_label)
        return field_ids

    @cached_property
    def chosen(self) -> Columns:
        """Return the mapping that was sent."""
        return tuple(
            column.becoming(
                self.cleaned_data[f"column-{position}"],
                clears=self.cleaned_data[f"empty-{position}"] == "clear",
            )
            for position, column in enumerate(self.columns)
        )


def missing_text(targets: Targets, missing: list[str]) -> str:
    """Return which columns a person must choose."""
    names = ", ".join(str(target_label(targets, target)) for target in missing)
    return gettext("Choose the column for: %(names)s.") % {"names": names}


def _choices(column: MappedColumn) -> list[Any]:  # Any: nested choices
    labels, required = column.targets.labels, column.targets.required
    other_targets = [DATA, LEFT_OUT] if column.can_be_data else [LEFT_OUT]
    return [
        (_("Other"), [(target, _OTHER[target]) for target in other_targets]),
        (_("Required"), [(target, labels[target]) for target in required]),
        (_("Optional"), [target for target in labels.items() if target[0] not in required]),
    ]


def mapping_context(import_: MappedImport, form: MappingForm | None = None) -> dict[str, Any]:
    """Return the context of the table of columns. Any: values for a template."""
    targets = targets_of(import_)
    columns = from_json(import_.columns, targets)
    if form is None and import_.is_mappable:
        form = MappingForm(import_)
    rows = [
        {
            "number": number,
            "column": column,
            "label": target_label(targets, column.target),
            "target": form[f"column-{number - 1}"] if form else None,
            "empty": form[f"empty-{number - 1}"] if form else None,
        }
        for number, column in enumerate(columns, start=1)
    ]
    missing = lacking(columns)
    return {
        "column_rows": rows,
        "mapping_form": form,
        "mapping_origin": MappingOrigin(import_.columns_from).label,
        "columns_used": sum(column.target != LEFT_OUT for column in columns),
        "choose": missing_text(targets, missing) if missing else "",
        "can_clear": bool(targets.clearable),
    }
