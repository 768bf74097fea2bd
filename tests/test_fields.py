"""A column that people set stands on its model; pages, admin, imports and events follow it."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import Model

from base.audit.services import columns_of
from base.common.phrases import label_of
from catalogue.models import Recording
from dedup.merging import FIELDS
from imports.reading_rules import ReadingRules
from imports.recordings.rows import check_row
from imports.recordings.targets import RECORDING_TARGETS
from reports.models import ReportSchedule
from reports.rows import match_columns
from review.models import Licence, Policy
from scanning.models import Container
from web.portal.catalogue.forms import RecordingEditForm, RecordingForm
from web.portal.containers.views import ContainerForm
from web.portal.licences.forms import LicenceForm
from web.portal.policies.forms import PolicyForm
from web.portal.reports.forms import ScheduleForm

_FORMS: tuple[tuple[type[forms.BaseForm], type[Model], tuple[str, ...]], ...] = (
    (RecordingForm, Recording, Recording.DETAILS),
    (RecordingEditForm, Recording, Recording.DETAILS),
    (ContainerForm, Container, Container.SETTINGS),
    (LicenceForm, Licence, Licence.TERMS),
    (PolicyForm, Policy, Policy.TERMS),
    (ScheduleForm, ReportSchedule, ReportSchedule.SETTINGS),
)


@pytest.mark.parametrize(("form", "model", "names"), _FORMS, ids=lambda part: str(part)[-24:])
def test_a_form_asks_for_each_column_under_its_own_label(
    form: type[forms.BaseForm], model: type[Model], names: tuple[str, ...]
) -> None:
    labels = {name: str(form.base_fields[name].label) for name in names}  # type: ignore[attr-defined]  # of each form

    assert labels == {name: str(label_of(model, name)) for name in names}


def test_the_admin_asks_for_what_the_pages_ask_for() -> None:
    for model, names in ((Recording, Recording.DETAILS), (Container, Container.SETTINGS)):
        screen: Any = admin.site._registry[model]  # Any: a screen of one model
        fields = screen.fields or flatten_fieldsets(screen.fieldsets)
        assert set(names) <= set(fields)


def test_a_table_can_set_each_detail_of_a_recording() -> None:
    texts = {
        "release_date": "2026-06-28",
        "isrc": "ZZX012600001",
        "upc": "2000000000015",
        "iswc": "T9000000420",
    }
    cells = {name: texts.get(name, f"A {name}") for name in Recording.DETAILS}

    row = check_row(2, cells, further={}, rules=ReadingRules())

    assert (row.faults, row.warnings) == ([], [])
    assert {name: row.details.detail_text(name) for name in cells if name not in texts} == {
        name: text for name, text in cells.items() if name not in texts
    }
    assert set(Recording.DETAILS) <= set(RECORDING_TARGETS.labels)


def test_a_merge_and_a_report_know_the_details_of_a_recording() -> None:
    apart = {"custom_id", "notes"}

    assert set(FIELDS) == set(Recording.DETAILS) - {"custom_id"}
    assert set(Recording.DETAILS) - apart <= {column.name for column in match_columns()}


def test_events_keep_columns_as_json() -> None:
    licence = Licence(holder="H", scope="all", max_speed_pct=3)

    event = columns_of(licence, ("holder", "max_speed_pct", "valid_from", "created_by"))

    assert event == {"holder": "H", "max_speed_pct": 3, "valid_from": None, "created_by": None}
