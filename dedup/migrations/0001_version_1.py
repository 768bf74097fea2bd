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
    ]

    operations = [
        migrations.CreateModel(
            name='DedupGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('g',), **{}), editable=False, max_length=32, unique=True)),
                ('kind', models.CharField(choices=[('same_sound', 'Same sound'), ('family', 'Version family')], default='same_sound', max_length=16)),
                ('version', models.PositiveIntegerField(default=1)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name': 'duplicate group',
                'ordering': ['-updated_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='SharedLoop',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('l',), **{}), editable=False, max_length=32, unique=True)),
                ('length_ms', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('open', 'Open'), ('excluded', 'Excluded'), ('kept', 'Kept')], default='open', max_length=16)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='CatalogueCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('k',), **{}), editable=False, max_length=32, unique=True)),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('cancelled', 'Cancelled'), ('failed', 'Failed')], default='waiting', max_length=16)),
                ('total', models.PositiveIntegerField(default=0)),
                ('done', models.PositiveIntegerField(default=0)),
                ('pairs', models.PositiveIntegerField(default=0)),
                ('skipped', models.PositiveIntegerField(default=0)),
                ('message', models.CharField(blank=True, default='', max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('requested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='CheckedRecording',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('audio', models.CharField(blank=True, default='', max_length=64)),
                ('engine_version', models.CharField(max_length=40)),
                ('at', models.DateTimeField(auto_now=True, verbose_name='time')),
                ('bucket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalogue.bucket')),
                ('recording', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='dedup_check', to='catalogue.recording')),
            ],
        ),
        migrations.CreateModel(
            name='DedupAction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('d',), **{}), editable=False, max_length=32, unique=True)),
                ('verb', models.CharField(choices=[('canonical', 'Choose the canonical recording'), ('merge', 'Merge'), ('keep', 'Keep apart'), ('split', 'Split'), ('retire', 'Retire')], max_length=16)),
                ('state', models.CharField(choices=[('proposed', 'Proposed'), ('done', 'Done'), ('refused', 'Refused'), ('undone', 'Undone')], default='done', max_length=16)),
                ('title', models.CharField(max_length=500)),
                ('group_uid', models.CharField(db_index=True, max_length=32)),
                ('asked', models.JSONField(default=dict, verbose_name='arguments')),
                ('before', models.JSONField(default=dict)),
                ('after', models.JSONField(default=dict)),
                ('note', models.CharField(blank=True, default='', max_length=1000)),
                ('made_at', models.DateTimeField(auto_now_add=True, verbose_name='created at')),
                ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='decided at')),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by')),
                ('settled_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='decided by')),
            ],
            options={
                'verbose_name': 'duplicate decision',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='LoopPlace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start_ms', models.PositiveIntegerField()),
                ('end_ms', models.PositiveIntegerField()),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalogue.recording')),
                ('loop', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='places', to='dedup.sharedloop')),
            ],
            options={
                'verbose_name': 'shared loop interval',
                'ordering': ['recording_id', 'start_ms'],
            },
        ),
        migrations.CreateModel(
            name='DedupMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(blank=True, choices=[('exact_file', 'Same file'), ('same_audio', 'Same audio'), ('same_recording', 'Same recording'), ('overlap', 'Overlap'), ('shared_loop', 'Shared loop')], default='', max_length=16)),
                ('canonical', models.BooleanField(default=False)),
                ('bridge', models.BooleanField(default=False)),
                ('pinned', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='dedup.dedupgroup')),
                ('linked_to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalogue.recording')),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='dedup_members', to='catalogue.recording')),
            ],
            options={
                'verbose_name': 'duplicate group member',
                'ordering': ['-canonical', 'id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('canonical', True)), fields=('group',), name='dedup_one_canonical_per_group'), models.UniqueConstraint(fields=('group', 'recording'), name='dedup_once_in_a_group')],
            },
        ),
        migrations.CreateModel(
            name='PairLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('p',), **{}), editable=False, max_length=32, unique=True)),
                ('kind', models.CharField(blank=True, choices=[('exact_file', 'Same file'), ('same_audio', 'Same audio'), ('same_recording', 'Same recording'), ('overlap', 'Overlap'), ('shared_loop', 'Shared loop')], default='', max_length=16)),
                ('altered', models.BooleanField(default=False)),
                ('runs', models.JSONField(blank=True, default=list)),
                ('coverage_one', models.FloatField(default=0, verbose_name='shared part of the first recording')),
                ('coverage_other', models.FloatField(default=0, verbose_name='shared part of the second recording')),
                ('tempo_ratio', models.FloatField(default=1)),
                ('pitch_cents', models.FloatField(default=0, verbose_name='pitch (cents)')),
                ('confidence', models.FloatField(default=1)),
                ('engine_version', models.CharField(blank=True, default='', max_length=40)),
                ('audio_one', models.CharField(blank=True, default='', max_length=64, verbose_name='audio of the first recording')),
                ('audio_other', models.CharField(blank=True, default='', max_length=64, verbose_name='audio of the second recording')),
                ('kept_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('kept_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('one', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalogue.recording', verbose_name='first recording')),
                ('other', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalogue.recording', verbose_name='second recording')),
            ],
            options={
                'verbose_name': 'duplicate link',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['kind', 'kept_at'], name='dedup_link_kind')],
                'constraints': [models.UniqueConstraint(fields=('one', 'other'), name='dedup_one_link_per_pair'), models.CheckConstraint(condition=models.Q(('one__lt', models.F('other'))), name='dedup_pair_in_order')],
            },
        ),
    ]
