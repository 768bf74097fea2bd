import common.uid
import django.db.models.deletion
import functools
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '__first__'),
        ('catalogue', '0001_version_1'),
        ('scanning', '0001_version_1'),
    ]

    operations = [
        migrations.CreateModel(
            name='BroadcastImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file', models.FileField(max_length=200, upload_to='')),
                ('file_name', models.CharField(max_length=500)),
                ('status', models.CharField(choices=[('checking', 'Checking'), ('checked', 'Checked; nothing imported yet'), ('importing', 'Importing'), ('done', 'Imported'), ('refused', 'Unreadable'), ('unmapped', 'Columns to choose')], default='checking', max_length=16)),
                ('message', models.CharField(blank=True, default='', max_length=500)),
                ('summary', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('bi',), **{}), editable=False, max_length=32, unique=True)),
                ('encoding', models.CharField(default='utf-8', max_length=20)),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ResultImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file', models.FileField(max_length=200, upload_to='')),
                ('file_name', models.CharField(max_length=500)),
                ('status', models.CharField(choices=[('checking', 'Checking'), ('checked', 'Checked; nothing imported yet'), ('importing', 'Importing'), ('done', 'Imported'), ('refused', 'Unreadable'), ('unmapped', 'Columns to choose')], default='checking', max_length=16)),
                ('message', models.CharField(blank=True, default='', max_length=500)),
                ('summary', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('ri',), **{}), editable=False, max_length=32, unique=True)),
                ('container', models.ForeignKey(limit_choices_to={'deleted_at__isnull': True}, on_delete=django.db.models.deletion.PROTECT, related_name='result_imports', to='scanning.container')),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
            ],
            options={
                'db_table': 'reports_resultimport',
                'ordering': ['-id'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='RightsImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file', models.FileField(max_length=200, upload_to='')),
                ('file_name', models.CharField(max_length=500)),
                ('status', models.CharField(choices=[('checking', 'Checking'), ('checked', 'Checked; nothing imported yet'), ('importing', 'Importing'), ('done', 'Imported'), ('refused', 'Unreadable'), ('unmapped', 'Columns to choose')], default='checking', max_length=16)),
                ('message', models.CharField(blank=True, default='', max_length=500)),
                ('summary', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('wi',), **{}), editable=False, max_length=32, unique=True)),
                ('encoding', models.CharField(default='utf-8', max_length=20)),
                ('sender', models.CharField(blank=True, default='', max_length=200)),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
            ],
            options={
                'ordering': ['-id'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='CatalogueImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file', models.FileField(max_length=200, upload_to='')),
                ('file_name', models.CharField(max_length=500)),
                ('status', models.CharField(choices=[('checking', 'Checking'), ('checked', 'Checked; nothing imported yet'), ('importing', 'Importing'), ('done', 'Imported'), ('refused', 'Unreadable'), ('unmapped', 'Columns to choose')], default='checking', max_length=16)),
                ('message', models.CharField(blank=True, default='', max_length=500)),
                ('summary', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('i',), **{}), editable=False, max_length=32, unique=True)),
                ('audio', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                ('encoding', models.CharField(default='utf-8', max_length=20)),
                ('keep_unknown', models.BooleanField(default=False)),
                ('bad_rows', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                ('columns', models.JSONField(blank=True, default=list)),
                ('columns_from', models.CharField(choices=[('guessed', 'Guessed from the names'), ('repeated', 'As in the last import of this bucket'), ('chosen', 'Chosen by a person')], default='guessed', max_length=16, verbose_name='source of the mapping')),
                ('mapping_version', models.PositiveIntegerField(default=0)),
                ('header_key', models.CharField(blank=True, default='', max_length=64)),
                ('bucket', models.ForeignKey(limit_choices_to={'deleted_at__isnull': True}, on_delete=django.db.models.deletion.CASCADE, related_name='imports', to='catalogue.bucket')),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
            ],
            options={
                'db_table': 'catalogue_catalogueimport',
                'ordering': ['-id'],
                'abstract': False,
                'indexes': [models.Index(fields=['bucket', 'header_key', '-id'], name='import_same_header')],
            },
        ),
    ]
