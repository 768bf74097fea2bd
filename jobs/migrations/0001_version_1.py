import common.uid
import django.db.models.deletion
import functools
import jobs.choices
import jobs.clock
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('j',), **{}), editable=False, max_length=32, unique=True)),
                ('kind', models.CharField(max_length=40)),
                ('subject', models.BigIntegerField(blank=True, null=True)),
                ('data', models.JSONField(blank=True, default=dict)),
                ('key', models.CharField(max_length=200)),
                ('pool', models.CharField(choices=[('work', 'Processing'), ('talk', 'Network'), ('stream', 'Live streams')], default='work', max_length=8)),
                ('priority', models.SmallIntegerField(default=jobs.choices.Priority['USUAL'])),
                ('lane', models.CharField(blank=True, default='', max_length=80)),
                ('turn', models.BigIntegerField(default=0)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='waiting', max_length=10)),
                ('run_after', models.DateTimeField()),
                ('blocked_by', models.CharField(blank=True, default='', max_length=80)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('lease_owner', models.CharField(blank=True, default='', max_length=64)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('cancel_requested', models.BooleanField(default=False)),
                ('progress', models.PositiveSmallIntegerField(default=0)),
                ('stage', models.CharField(blank=True, default='', max_length=40)),
                ('code', models.CharField(blank=True, default='', max_length=40)),
                ('cause', models.CharField(blank=True, default='', max_length=1000)),
                ('created_at', models.DateTimeField(default=jobs.clock.now, editable=False)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('requested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(models.F('pool'), models.OrderBy(models.F('priority'), descending=True), models.F('turn'), models.F('id'), condition=models.Q(('state', 'waiting')), name='job_next'), models.Index(condition=models.Q(('state', 'waiting')), fields=['run_after'], name='job_paused'), models.Index(condition=models.Q(('state', 'waiting')), fields=['lane', '-turn'], name='job_lane'), models.Index(condition=models.Q(('state', 'running')), fields=['lease_until'], name='job_lease'), models.Index(fields=['kind', 'subject'], name='job_subject'), models.Index(condition=models.Q(('state', 'failed')), fields=['kind', 'state', '-finished_at'], name='job_failed')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ('waiting', 'running'))), fields=('kind', 'key'), name='job_one_open_per_key'), models.CheckConstraint(condition=models.Q(('progress__lte', 100)), name='job_progress_percent')],
            },
        ),
    ]
