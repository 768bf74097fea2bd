import acrapi.models
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_version_1'),
        ('accounts', '__first__'),
        ('catalogue', '0001_version_1'),
        ('scanning', '0001_version_1'),
    ]

    operations = [
        migrations.CreateModel(
            name='StagedUpload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=acrapi.models.new_upload_uid, max_length=32, unique=True)),
                ('key', models.CharField(max_length=700, unique=True)),
                ('file_name', models.CharField(max_length=500)),
                ('size_bytes', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(db_index=True)),
                ('uploaded_at', models.DateTimeField(blank=True, null=True)),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('container', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='scanning.container')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='StreamCallbacks',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('result_url', models.URLField(blank=True, default='', max_length=2000)),
                ('state_url', models.URLField(blank=True, default='', max_length=2000)),
                ('container', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='stream_callbacks', to='scanning.container')),
            ],
            options={
                'verbose_name': 'addresses for streams',
                'verbose_name_plural': 'addresses for streams',
            },
        ),
        migrations.CreateModel(
            name='RepeatableCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=255)),
                ('request_digest', models.CharField(max_length=64)),
                ('status', models.PositiveSmallIntegerField(null=True)),
                ('answer', models.JSONField(null=True, verbose_name='response')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='accounts.apitoken')),
            ],
            options={
                'verbose_name': 'idempotent request',
                'indexes': [models.Index(fields=['created_at'], name='call_age')],
                'constraints': [models.UniqueConstraint(fields=('token', 'key'), name='call_key_once')],
            },
        ),
        migrations.CreateModel(
            name='TrackId',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('track_id', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('bucket', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='catalogue.bucket')),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='track_ids', to='catalogue.recording')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('bucket', 'track_id'), name='track_id_once_in_bucket')],
            },
        ),
    ]
