import common.uid
import django.core.validators
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
            name='Station',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('st',), **{}), editable=False, max_length=32, unique=True)),
                ('name', models.CharField(max_length=200, unique=True, verbose_name='name')),
                ('call_sign', models.CharField(blank=True, default='', max_length=40, verbose_name='call sign')),
                ('place', models.CharField(blank=True, default='', max_length=200, verbose_name='place')),
                ('territory', models.CharField(blank=True, default='', max_length=2, verbose_name='territory')),
                ('time_zone', models.CharField(default='UTC', max_length=64, verbose_name='time zone')),
                ('custom_id', models.CharField(blank=True, db_index=True, default='', max_length=200, verbose_name='custom ID')),
                ('type', models.CharField(choices=[('am_radio', 'AM radio'), ('fm_radio', 'FM radio'), ('dab_radio', 'Digital radio'), ('web_radio', 'Web radio'), ('tv_station', 'Television'), ('other_station', 'Other')], default='fm_radio', max_length=16, verbose_name='type')),
                ('commercial_model', models.CharField(blank=True, choices=[('AdvertisementSupportedModel', 'Advertising'), ('SubscriptionModel', 'Subscription'), ('FreeOfChargeModel', 'Free of charge'), ('AsPerContract', 'As per contract')], default='', max_length=40, verbose_name='commercial model')),
                ('soundexchange_category', models.CharField(blank=True, default='', max_length=1, verbose_name='SoundExchange category')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('banned', models.ManyToManyField(blank=True, related_name='banned_by', to='catalogue.recording', verbose_name='recordings that must not be played')),
            ],
            options={
                'verbose_name': 'station',
                'verbose_name_plural': 'stations',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Stream',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('s',), **{}), editable=False, max_length=32, unique=True)),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('urls', models.JSONField(default=list, verbose_name='addresses')),
                ('enabled', models.BooleanField(default=True, verbose_name='listening')),
                ('keep_hours', models.PositiveIntegerField(default=24, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(2160)], verbose_name='hours of audio kept')),
                ('silent_minutes', models.PositiveIntegerField(blank=True, default=2, null=True, verbose_name='alarm after minutes of silence')),
                ('away_minutes', models.PositiveIntegerField(blank=True, default=5, null=True, verbose_name='alarm after minutes away')),
                ('unmatched_minutes', models.PositiveIntegerField(blank=True, null=True, verbose_name='alarm after minutes without a match')),
                ('quiet_from', models.TimeField(blank=True, null=True, verbose_name='no email from')),
                ('quiet_until', models.TimeField(blank=True, null=True, verbose_name='no email until')),
                ('alarm_emails', models.JSONField(blank=True, default=list, verbose_name='email addresses')),
                ('alarm_url', models.URLField(blank=True, default='', max_length=2000, verbose_name='webhook')),
                ('user_defined', models.JSONField(blank=True, default=dict)),
                ('revision', models.PositiveIntegerField(default=0, editable=False)),
                ('state', models.CharField(choices=[('stream_waiting', 'Waiting for a recorder'), ('stream_connecting', 'Connecting'), ('stream_listening', 'Listening'), ('stream_silent', 'Silent'), ('stream_away', 'Away'), ('stream_paused', 'Paused')], default='stream_waiting', max_length=20)),
                ('cause', models.CharField(blank=True, default='', max_length=500)),
                ('state_at', models.DateTimeField(blank=True, null=True, verbose_name='in this state since')),
                ('current_url', models.CharField(blank=True, default='', max_length=2000)),
                ('heard_until', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('container', models.ForeignKey(limit_choices_to={'deleted_at__isnull': True}, on_delete=django.db.models.deletion.PROTECT, related_name='streams', to='scanning.container')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='streams', to='streams.station')),
            ],
            options={
                'verbose_name': 'stream',
                'verbose_name_plural': 'streams',
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='StreamRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('sr',), **{}), editable=False, max_length=32, unique=True)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(blank=True, null=True)),
                ('heard_until', models.DateTimeField(blank=True, null=True)),
                ('duration_ms', models.PositiveBigIntegerField(default=0)),
                ('codec', models.CharField(blank=True, default='', max_length=40)),
                ('sample_rate', models.PositiveIntegerField(default=0)),
                ('channels', models.PositiveSmallIntegerField(default=0)),
                ('byte_offset', models.PositiveBigIntegerField(default=0)),
                ('start_cause', models.CharField(choices=[('run_started', 'Listening began'), ('run_connection', 'The connection was lost'), ('run_stalled', 'The server stopped sending'), ('run_encoder', 'The encoder restarted'), ('run_format', 'The format changed'), ('run_segment_lost', 'A part of the stream was missing'), ('run_recorder', 'The recorder stopped'), ('run_paused', 'Somebody paused the stream')], max_length=20)),
                ('end_cause', models.CharField(blank=True, choices=[('run_started', 'Listening began'), ('run_connection', 'The connection was lost'), ('run_stalled', 'The server stopped sending'), ('run_encoder', 'The encoder restarted'), ('run_format', 'The format changed'), ('run_segment_lost', 'A part of the stream was missing'), ('run_recorder', 'The recorder stopped'), ('run_paused', 'Somebody paused the stream')], default='', max_length=20)),
                ('stream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='streams.stream')),
            ],
            options={
                'verbose_name': 'run of a stream',
                'verbose_name_plural': 'runs of streams',
                'ordering': ['starts_at', 'id'],
                'indexes': [models.Index(fields=['stream', 'starts_at'], name='run_of_stream')],
            },
        ),
        migrations.CreateModel(
            name='ClockAnchor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run_ms', models.PositiveBigIntegerField()),
                ('at', models.DateTimeField()),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='anchors', to='streams.streamrun')),
            ],
            options={
                'verbose_name': 'clock anchor of a stream',
                'verbose_name_plural': 'clock anchors of streams',
                'ordering': ['run_ms'],
                'constraints': [models.UniqueConstraint(fields=('run', 'run_ms'), name='anchor_once')],
            },
        ),
        migrations.CreateModel(
            name='Airplay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('ap',), **{}), editable=False, max_length=32, unique=True)),
                ('state', models.CharField(choices=[('play_open', 'Playing'), ('play_ended', 'Ended'), ('play_settled', 'Settled'), ('play_withdrawn', 'Withdrawn')], default='play_open', max_length=16)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('start_ms', models.PositiveBigIntegerField()),
                ('end_ms', models.PositiveBigIntegerField()),
                ('offset_ms', models.BigIntegerField()),
                ('tempo_ratio', models.FloatField(default=1.0)),
                ('pitch_cents', models.FloatField(default=0.0)),
                ('score', models.FloatField()),
                ('reported_at', models.DateTimeField(auto_now_add=True)),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='airplays', to='catalogue.recording')),
                ('segment', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='airplay', to='scanning.segment')),
                ('stream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='airplays', to='streams.stream')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='airplays', to='streams.streamrun')),
            ],
            options={
                'verbose_name': 'play on a stream',
                'verbose_name_plural': 'plays on streams',
                'ordering': ['starts_at', 'id'],
                'indexes': [models.Index(fields=['stream', 'starts_at'], name='airplay_of_stream'), models.Index(condition=models.Q(('state', 'play_open')), fields=['stream'], name='airplay_open')],
            },
        ),
        migrations.CreateModel(
            name='StreamTitle',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('text', models.CharField(max_length=500)),
                ('stream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='titles', to='streams.stream')),
            ],
            options={
                'verbose_name': 'title of a stream',
                'verbose_name_plural': 'titles of streams',
                'ordering': ['at', 'id'],
                'indexes': [models.Index(fields=['stream', 'at'], name='title_of_stream')],
            },
        ),
        migrations.CreateModel(
            name='StreamAlarm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('alarm_silent', 'Silence'), ('alarm_away', 'Stream away'), ('alarm_unmatched', 'Nothing recognised'), ('alarm_banned', 'Recording that must not be played'), ('alarm_disk', 'Disk nearly full')], max_length=16)),
                ('began_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('told_at', models.DateTimeField(blank=True, null=True)),
                ('airplay', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='alarms', to='streams.airplay')),
                ('stream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alarms', to='streams.stream')),
            ],
            options={
                'verbose_name': 'alarm of a stream',
                'verbose_name_plural': 'alarms of streams',
                'ordering': ['-began_at', '-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('airplay__isnull', True), ('ended_at__isnull', True)), fields=('stream', 'kind'), name='alarm_open_once')],
            },
        ),
        migrations.CreateModel(
            name='StreamGap',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('cause', models.CharField(choices=[('connection', 'Connection lost'), ('stalled', 'Server stopped sending'), ('gap_silent', 'Silence'), ('no_audio', 'No sound in what was sent'), ('recorder', 'Recorder did not run'), ('segment_lost', 'Part of the stream missing'), ('gap_paused', 'Paused')], max_length=16)),
                ('is_exact', models.BooleanField(default=False)),
                ('stream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='gaps', to='streams.stream')),
            ],
            options={
                'verbose_name': 'gap of a stream',
                'verbose_name_plural': 'gaps of streams',
                'ordering': ['starts_at', 'id'],
                'indexes': [models.Index(fields=['stream', 'starts_at'], name='gap_of_stream')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='stream_gap_has_length')],
            },
        ),
        migrations.CreateModel(
            name='StreamHour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('pieces', models.JSONField(blank=True, default=list, editable=False)),
                ('before', models.FileField(blank=True, default='', editable=False, max_length=200, upload_to='')),
                ('after', models.FileField(blank=True, default='', editable=False, max_length=200, upload_to='')),
                ('copied_for', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='scanning.scan')),
                ('scanned_file', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='stream_hour', to='scanning.scannedfile')),
                ('stream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='hours', to='streams.stream')),
            ],
            options={
                'verbose_name': 'hour of a stream',
                'verbose_name_plural': 'hours of streams',
                'ordering': ['starts_at'],
                'constraints': [models.UniqueConstraint(fields=('stream', 'starts_at'), name='stream_hour_once'), models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='stream_hour_has_length')],
            },
        ),
        migrations.CreateModel(
            name='StreamNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('sn',), **{}), editable=False, max_length=32, unique=True)),
                ('event', models.CharField(choices=[('match.found', 'Recording heard'), ('match.decided', 'Match of a play decided'), ('stream.away', 'Stream away'), ('stream.back', 'Stream heard again'), ('stream.alarm', 'Alarm'), ('acrcloud.result', 'Result in the format of ACRCloud'), ('acrcloud.state', 'State in the format of ACRCloud')], max_length=40, verbose_name='event')),
                ('url', models.URLField(blank=True, default='', max_length=2000)),
                ('emails', models.JSONField(blank=True, default=list)),
                ('subject', models.CharField(blank=True, default='', max_length=300)),
                ('body', models.TextField()),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('failed', 'Failed')], default='waiting', max_length=16)),
                ('message', models.CharField(blank=True, default='', max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('stream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='streams.stream')),
            ],
            options={
                'verbose_name': 'notice of a stream',
                'verbose_name_plural': 'notices of streams',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['stream', '-id'], name='notice_of_stream')],
            },
        ),
    ]
