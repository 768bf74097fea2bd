import catalogue.models
import common.uid
import django.core.validators
import django.db.models.deletion
import functools
from django.conf import settings
from django.db import migrations, models


def add_first_rows(apps, schema_editor):
    """Reserve bucket 23, which the wire protocol knows by that number, and begin the log."""
    apps.get_model("catalogue", "Bucket").objects.create(pk=23, name="ACRCloud Music")
    apps.get_model("catalogue", "CatalogueState").objects.create(position=0)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='CatalogueState',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('c',), **{}), max_length=32)),
                ('position', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Bucket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('bucket_type', models.CharField(choices=[('File', 'Recordings'), ('DedupFile', 'Recordings, kept free of duplicates')], default='File', max_length=16)),
                ('intake_rule', models.CharField(choices=[('reject', 'Reject the new recording'), ('ask', 'Ask a person'), ('add_as_version', 'Add it as a version'), ('ignore', 'Add it anyway')], default='ask', max_length=16)),
                ('search_earlier', models.BooleanField(default=False, help_text='Also search earlier files for new recordings.', verbose_name='search earlier files')),
                ('intake_versions', models.BooleanField(default=False, help_text='Treat another version of a recording as already in the bucket.', verbose_name='versions count as duplicates')),
                ('region', models.CharField(blank=True, default='eu-west-1', max_length=32)),
                ('labels', models.JSONField(blank=True, default=list)),
                ('net_type', models.PositiveSmallIntegerField(default=1)),
                ('metadata_template', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('deleted_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('deleted_at__isnull', True)), fields=('name',), name='bucket_name_unique', violation_error_message='There is a bucket with this name already.')],
            },
        ),
        migrations.CreateModel(
            name='IndexCopy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.CharField(max_length=255)),
                ('folder', models.CharField(max_length=1000)),
                ('position', models.BigIntegerField(default=0)),
                ('complete_at', models.DateTimeField(null=True)),
                ('seen_at', models.DateTimeField()),
                ('stage', models.CharField(blank=True, default='', max_length=300)),
                ('partition', models.PositiveSmallIntegerField(default=1)),
                ('partitions', models.PositiveSmallIntegerField(default=1)),
                ('postings', models.JSONField(blank=True, null=True)),
            ],
            options={
                'verbose_name_plural': 'index copies',
                'ordering': ['host', 'folder'],
                'constraints': [models.UniqueConstraint(fields=('host', 'folder'), name='index_copy_one_per_folder')],
            },
        ),
        migrations.CreateModel(
            name='Recording',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('r',), **{}), editable=False, max_length=32, unique=True)),
                ('acr_id', models.CharField(default=catalogue.models.new_acr_id, editable=False, max_length=32, unique=True)),
                ('custom_id', models.CharField(blank=True, default='', max_length=200)),
                ('title', models.CharField(max_length=500)),
                ('version_title', models.CharField(blank=True, default='', max_length=500)),
                ('artists', models.JSONField(blank=True, default=list)),
                ('album', models.CharField(blank=True, default='', max_length=500)),
                ('label', models.CharField(blank=True, default='', max_length=300)),
                ('release_date', models.CharField(blank=True, default='', help_text='2016, 2016-06 or 2016-06-28', max_length=10)),
                ('isrc', models.CharField(blank=True, default='', max_length=40, verbose_name='ISRC')),
                ('isrc_normalised', models.CharField(blank=True, default='', max_length=12, verbose_name='normalised ISRC')),
                ('isrc_status', models.CharField(choices=[('valid', 'Valid'), ('corrected', 'Corrected'), ('malformed', 'Malformed'), ('missing', 'Missing'), ('conflict', 'Conflict')], default='missing', max_length=16, verbose_name='ISRC status')),
                ('upc', models.CharField(blank=True, default='', max_length=14, verbose_name='UPC')),
                ('iswc', models.CharField(blank=True, default='', max_length=11, verbose_name='ISWC')),
                ('writers', models.JSONField(blank=True, default=list)),
                ('publishers', models.JSONField(blank=True, default=list)),
                ('notes', models.TextField(blank=True, default='')),
                ('user_defined', models.JSONField(blank=True, default=dict)),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('processing', 'Fingerprinting'), ('ready', 'Searchable'), ('error', 'Error'), ('stub', 'Metadata only'), ('retired', 'Retired')], default='waiting', max_length=16)),
                ('status_message', models.CharField(blank=True, default='', max_length=500)),
                ('audio', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                ('audio_name', models.CharField(blank=True, default='', max_length=500)),
                ('source_url', models.URLField(blank=True, default='', help_text='The worker fetches the audio from here if it was not uploaded.', max_length=2000)),
                ('audio_sha256', models.CharField(blank=True, default='', max_length=64)),
                ('audio_bytes', models.BigIntegerField(default=0)),
                ('duration_ms', models.BigIntegerField(default=0, validators=[django.core.validators.MinValueValidator(0)])),
                ('facts', models.JSONField(blank=True, default=dict)),
                ('fingerprint', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                ('waveform', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                ('proxy', models.FileField(blank=True, default='', max_length=200, upload_to='', verbose_name='rendition')),
                ('computed_share_pct', models.DecimalField(blank=True, decimal_places=2, editable=False, help_text='Computed from the shares of our parties.', max_digits=5, null=True, verbose_name='our share in percent')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('added_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('bucket', models.ForeignKey(limit_choices_to={'deleted_at__isnull': True}, on_delete=django.db.models.deletion.PROTECT, related_name='recordings', to='catalogue.bucket')),
                ('merged_into', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='aliases', to='catalogue.recording')),
                ('same_sound_as', models.ForeignKey(blank=True, editable=False, help_text='The canonical recording of its group; empty for that recording itself.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalogue.recording')),
            ],
            options={
                'ordering': ['title', 'id'],
                'indexes': [models.Index(fields=['bucket', 'title'], name='recording_bucket_title'), models.Index(fields=['title', 'id'], name='recording_title'), models.Index(fields=['bucket', 'id', 'status'], name='recording_bucket_id'), models.Index(fields=['status'], name='recording_status'), models.Index(fields=['isrc_normalised'], name='recording_isrc'), models.Index(fields=['audio_sha256'], name='recording_sha256')],
                'constraints': [models.UniqueConstraint(condition=models.Q(models.Q(('custom_id', ''), _negated=True), models.Q(('status', 'retired'), _negated=True)), fields=('bucket', 'custom_id'), name='recording_custom_id_unique_in_bucket'), models.CheckConstraint(condition=models.Q(('duration_ms__gte', 0)), name='recording_duration_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='IndexEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_held', models.BooleanField()),
                ('position', models.BigIntegerField(null=True, unique=True)),
                ('bucket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='catalogue.bucket')),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='index_entries', to='catalogue.recording')),
            ],
            options={
                'verbose_name_plural': 'index entries',
                'constraints': [models.UniqueConstraint(fields=('recording', 'bucket'), name='index_entry_one_per_bucket')],
            },
        ),
        migrations.CreateModel(
            name='Exclusion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('x',), **{}), editable=False, max_length=32, unique=True)),
                ('start_ms', models.BigIntegerField()),
                ('end_ms', models.BigIntegerField()),
                ('reason', models.CharField(choices=[('shared_loop', 'Shared loop or sample'), ('public_domain', 'Public domain'), ('spoken', 'Speech'), ('ident', 'Ident or jingle'), ('silence', 'Silence or noise'), ('other', 'Other')], max_length=20)),
                ('note', models.CharField(blank=True, default='', max_length=1000)),
                ('approved', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='excluded_segments', to='catalogue.recording')),
            ],
            options={
                'db_table': 'catalogue_excludedsegment',
                'ordering': ['start_ms', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('end_ms__gt', models.F('start_ms')), ('start_ms__gte', 0)), name='excluded_segment_ordered')],
            },
        ),
        migrations.RunPython(add_first_rows, migrations.RunPython.noop),
    ]
