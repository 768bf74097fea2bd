"""The imports of catalogue and reports, with their tables as they are."""

from __future__ import annotations

import common.uid
import django.db.models.deletion
import functools
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_MOVED = (("catalogue", "catalogueimport"), ("reports", "resultimport"))


def move_content_types(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Keep the permissions and the admin's log of the models."""
    kinds = apps.get_model("contenttypes", "ContentType").objects
    for app, model in _MOVED:
        kinds.filter(app_label=app, model=model).update(app_label="imports")


def return_content_types(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Give the content types back."""
    kinds = apps.get_model("contenttypes", "ContentType").objects
    for app, model in _MOVED:
        kinds.filter(app_label="imports", model=model).update(app_label=app)


class Migration(migrations.Migration):
    """Take the models over without touching the tables."""

    dependencies = [
        ("catalogue", "0017_move_import"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("reports", "0013_move_import"),
        ("scanning", "0021_plain_words"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name='CatalogueImport',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('lease_owner', models.CharField(blank=True, default='', max_length=64)),
                        ('lease_until', models.DateTimeField(blank=True, null=True)),
                        ('attempts', models.PositiveSmallIntegerField(default=0)),
                        ('status', models.CharField(choices=[('checking', 'Being checked'), ('checked', 'Checked; nothing is written yet'), ('importing', 'Being imported'), ('done', 'Imported'), ('refused', 'Cannot be read')], default='checking', max_length=16)),
                        ('message', models.CharField(blank=True, default='', max_length=500)),
                        ('summary', models.JSONField(blank=True, default=dict)),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('i',), **{}), editable=False, max_length=32, unique=True)),
                        ('table', models.FileField(max_length=200, upload_to='')),
                        ('table_name', models.CharField(max_length=500)),
                        ('audio', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                        ('encoding', models.CharField(default='utf-8', max_length=20)),
                        ('keep_unknown', models.BooleanField(default=False)),
                        ('bad_rows', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                        ('bucket', models.ForeignKey(limit_choices_to={'deleted_at__isnull': True}, on_delete=django.db.models.deletion.CASCADE, related_name='imports', to='catalogue.bucket')),
                        ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'db_table': 'catalogue_catalogueimport',
                        'ordering': ['-id'],
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='ResultImport',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('lease_owner', models.CharField(blank=True, default='', max_length=64)),
                        ('lease_until', models.DateTimeField(blank=True, null=True)),
                        ('attempts', models.PositiveSmallIntegerField(default=0)),
                        ('status', models.CharField(choices=[('checking', 'Being checked'), ('checked', 'Checked; nothing is written yet'), ('importing', 'Being imported'), ('done', 'Imported'), ('refused', 'Cannot be read')], default='checking', max_length=16)),
                        ('message', models.CharField(blank=True, default='', max_length=500)),
                        ('summary', models.JSONField(blank=True, default=dict)),
                        ('created_at', models.DateTimeField(auto_now_add=True)),
                        ('updated_at', models.DateTimeField(auto_now=True)),
                        ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('ri',), **{}), editable=False, max_length=32, unique=True)),
                        ('file', models.FileField(max_length=200, upload_to='')),
                        ('file_name', models.CharField(max_length=500)),
                        ('container', models.ForeignKey(limit_choices_to={'deleted_at__isnull': True}, on_delete=django.db.models.deletion.PROTECT, related_name='result_imports', to='scanning.container')),
                        ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'db_table': 'reports_resultimport',
                        'ordering': ['-id'],
                        'abstract': False,
                    },
                ),
            ]
        ),
        migrations.RunPython(move_content_types, return_content_types, elidable=True),
    ]
