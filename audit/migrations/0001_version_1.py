import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from audit import triggers


def install_triggers(apps, schema_editor):
    """Refuse to change or delete events."""
    triggers.install(schema_editor.connection)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Anchor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(unique=True)),
                ('at', models.DateTimeField(verbose_name='time')),
                ('chains', models.PositiveIntegerField()),
                ('events', models.PositiveIntegerField()),
                ('digest', models.CharField(max_length=64)),
                ('previous_hash', models.CharField(blank=True, default='', max_length=64)),
                ('hash', models.CharField(max_length=64)),
            ],
            options={
                'ordering': ['-day'],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('case', models.CharField(max_length=64)),
                ('sequence', models.PositiveIntegerField()),
                ('at', models.DateTimeField(verbose_name='time')),
                ('actor_name', models.CharField(max_length=150)),
                ('actor_salt', models.CharField(blank=True, default='', max_length=32)),
                ('actor_digest', models.CharField(default='', max_length=64)),
                ('via', models.CharField(blank=True, default='', help_text='The API token used, if any.', max_length=80)),
                ('action', models.CharField(max_length=40)),
                ('before', models.JSONField(default=dict)),
                ('after', models.JSONField(default=dict)),
                ('reason', models.CharField(blank=True, default='', max_length=40)),
                ('note', models.TextField(blank=True, default='')),
                ('previous_hash', models.CharField(blank=True, default='', max_length=64)),
                ('hash', models.CharField(max_length=64)),
                ('actor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['-at'], name='event_at'), models.Index(fields=['action', '-at'], name='event_action_at')],
                'constraints': [models.UniqueConstraint(fields=('case', 'sequence'), name='event_case_sequence_unique')],
            },
        ),
        migrations.RunPython(install_triggers, migrations.RunPython.noop),
    ]
