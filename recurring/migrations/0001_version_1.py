import catalogue.models
import common.uid
import django.core.validators
import django.db.models.deletion
import functools
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('catalogue', '0001_version_1'),
        ('scanning', '0001_version_1'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('comparing', 'Comparing'), ('compared', 'Compared'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='waiting', max_length=16)),
                ('message', models.CharField(blank=True, default='', max_length=500)),
                ('scan_id', models.BigIntegerField(blank=True, null=True)),
                ('unmatched', models.JSONField(blank=True, default=list)),
                ('unmatched_ms', models.PositiveBigIntegerField(default=0)),
                ('fingerprint_name', models.CharField(blank=True, default='', max_length=200)),
                ('basis', models.CharField(blank=True, default='', max_length=64)),
                ('revision', models.PositiveBigIntegerField(blank=True, null=True, unique=True)),
                ('compared_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('scanned_file', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='kept_sound', to='scanning.scannedfile')),
            ],
            options={
                'verbose_name': 'compared file',
                'ordering': ['id'],
                'indexes': [models.Index(fields=['state'], name='kept_file_state')],
            },
        ),
        migrations.CreateModel(
            name='SharedRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start_ms', models.PositiveBigIntegerField()),
                ('end_ms', models.PositiveBigIntegerField()),
                ('other_start_ms', models.PositiveBigIntegerField()),
                ('other_end_ms', models.PositiveBigIntegerField()),
                ('pitch_cents', models.FloatField()),
                ('bits', models.FloatField()),
                ('aligned', models.PositiveIntegerField()),
                ('absent', models.PositiveIntegerField()),
                ('file', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='recurring.keptfile')),
                ('other', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='later_runs', to='recurring.keptfile')),
            ],
            options={
                'verbose_name': 'shared interval',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='UnknownItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('u',), **{}), editable=False, max_length=32, unique=True)),
                ('acr_id', models.CharField(default=catalogue.models.new_acr_id, editable=False, max_length=32, unique=True)),
                ('state', models.CharField(choices=[('unidentified', 'Unknown'), ('named', 'Named'), ('ignored', 'Ignored'), ('merged', 'Merged'), ('closed', 'No longer repeated')], default='unidentified', max_length=16)),
                ('label', models.CharField(blank=True, default='', max_length=200)),
                ('ignored_as', models.CharField(blank=True, choices=[('jingle', 'Jingle'), ('bed', 'Music bed'), ('ad', 'Advertisement'), ('effect', 'Sound effect'), ('other', 'Other')], default='', max_length=16)),
                ('is_watched', models.BooleanField(default=False)),
                ('settled', models.BooleanField(default=False)),
                ('length_ms', models.PositiveIntegerField()),
                ('best_start_ms', models.PositiveBigIntegerField(default=0)),
                ('best_end_ms', models.PositiveBigIntegerField(default=0)),
                ('best_item_start_ms', models.PositiveIntegerField(default=0)),
                ('landmarks', models.BinaryField(default=b'')),
                ('plays', models.PositiveIntegerField(default=0)),
                ('weight_ms', models.PositiveBigIntegerField(default=0)),
                ('first_at', models.DateTimeField(blank=True, null=True)),
                ('last_at', models.DateTimeField(blank=True, null=True)),
                ('searched_to', models.PositiveBigIntegerField(blank=True, default=0, null=True)),
                ('version', models.PositiveIntegerField(default=1)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('best_file', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='recurring.keptfile')),
                ('merged_into', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='parts', to='recurring.unknownitem')),
                ('recording', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalogue.recording')),
                ('taken_back', models.ManyToManyField(blank=True, related_name='+', to='catalogue.recording')),
            ],
            options={
                'verbose_name': 'unknown item',
                'ordering': ['-weight_ms', 'id'],
                'indexes': [models.Index(fields=['state', '-weight_ms', 'id'], name='item_by_weight'), models.Index(fields=['state', '-last_at', 'id'], name='item_by_last')],
            },
        ),
        migrations.CreateModel(
            name='Occurrence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start_ms', models.PositiveBigIntegerField()),
                ('end_ms', models.PositiveBigIntegerField()),
                ('item_start_ms', models.PositiveIntegerField()),
                ('item_end_ms', models.PositiveIntegerField()),
                ('tempo_ratio', models.FloatField(default=1)),
                ('pitch_cents', models.FloatField(default=0)),
                ('bits', models.FloatField()),
                ('score', models.FloatField()),
                ('file', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='occurrences', to='recurring.keptfile')),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='occurrences', to='recurring.unknownitem')),
            ],
            options={
                'verbose_name': 'occurrence',
                'ordering': ['file', 'start_ms', 'id'],
                'constraints': [models.UniqueConstraint(fields=('item', 'file', 'start_ms'), name='occurrence_once'), models.CheckConstraint(condition=models.Q(('start_ms__lt', models.F('end_ms'))), name='occurrence_has_length')],
            },
        ),
        migrations.CreateModel(
            name='ContainerPlays',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('plays', models.PositiveIntegerField()),
                ('files', models.PositiveIntegerField()),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('container', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='unknown_plays', to='scanning.container')),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='by_container', to='recurring.unknownitem')),
            ],
            options={
                'verbose_name': 'plays of an item in a container',
                'verbose_name_plural': 'plays of items in containers',
                'constraints': [models.UniqueConstraint(fields=('item', 'container'), name='plays_once_per_container')],
            },
        ),
        migrations.CreateModel(
            name='UnknownPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_on', models.BooleanField(default=True, verbose_name='find repeated unknown sound')),
                ('least_seconds', models.PositiveIntegerField(default=5, validators=[django.core.validators.MinValueValidator(5)], verbose_name='shortest item in seconds')),
                ('least_count', models.PositiveIntegerField(default=2, validators=[django.core.validators.MinValueValidator(2)], verbose_name='fewest occurrences')),
                ('days_kept', models.PositiveIntegerField(blank=True, help_text='Leave empty to compare it as long as it is here.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='days to compare a file')),
                ('container', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='unknown_policy', to='scanning.container')),
            ],
            options={
                'verbose_name': 'policy for unknown sound',
                'verbose_name_plural': 'policies for unknown sound',
            },
        ),
    ]
