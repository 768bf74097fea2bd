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
        ('streams', '0001_version_1'),
    ]

    operations = [
        migrations.CreateModel(
            name='Broadcast',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('bc',), **{}), editable=False, max_length=32, unique=True)),
                ('starts_at', models.DateTimeField(verbose_name='begins at')),
                ('time_zone', models.CharField(max_length=64, verbose_name='time zone')),
                ('length_ms', models.PositiveBigIntegerField(blank=True, null=True)),
                ('showing', models.CharField(blank=True, choices=[('first_run', 'First broadcast'), ('repeat_run', 'Repeat')], max_length=16, verbose_name='first broadcast or repeat')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('scanned_file', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='broadcasts', to='scanning.scannedfile')),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='broadcasts', to='streams.station')),
            ],
            options={
                'verbose_name': 'broadcast',
                'verbose_name_plural': 'broadcasts',
                'ordering': ['starts_at', 'id'],
                'indexes': [models.Index(fields=['station', 'starts_at'], name='broadcast_of_station')],
                'constraints': [models.UniqueConstraint(fields=('scanned_file', 'station', 'starts_at'), name='broadcast_once')],
            },
        ),
        migrations.CreateModel(
            name='Audience',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField(blank=True, null=True, verbose_name='month')),
                ('hour', models.DateTimeField(blank=True, null=True, verbose_name='hour')),
                ('listeners', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='listeners')),
                ('performances', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='performances')),
                ('tuning_hours', models.DecimalField(blank=True, decimal_places=2, max_digits=16, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='hours of listening')),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='audiences', to='streams.station')),
                ('broadcast', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='audience', to='broadcasts.broadcast')),
            ],
            options={
                'verbose_name': 'audience',
                'verbose_name_plural': 'audiences',
                'ordering': ['station', 'month', 'hour', 'id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('month__isnull', False)), fields=('station', 'month'), name='audience_of_month_once'), models.UniqueConstraint(condition=models.Q(('hour__isnull', False)), fields=('station', 'hour'), name='audience_of_hour_once'), models.CheckConstraint(condition=models.Q(models.Q(('broadcast__isnull', False), ('hour__isnull', True), ('month__isnull', True)), models.Q(('broadcast__isnull', True), ('hour__isnull', True), ('month__isnull', False)), models.Q(('broadcast__isnull', True), ('hour__isnull', False), ('month__isnull', True)), _connector='OR'), name='audience_of_one')],
            },
        ),
        migrations.CreateModel(
            name='Episode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('series', models.CharField(blank=True, max_length=300, verbose_name='series or film')),
                ('also_known_as', models.CharField(blank=True, max_length=300, verbose_name='also known as')),
                ('season', models.CharField(blank=True, max_length=40, verbose_name='season')),
                ('number', models.CharField(blank=True, max_length=40, verbose_name='episode number')),
                ('title', models.CharField(blank=True, max_length=300, verbose_name='episode title')),
                ('production_company', models.CharField(blank=True, max_length=300, verbose_name='production company')),
                ('isan', models.CharField(blank=True, max_length=40, verbose_name='ISAN')),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('scanned_file', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='episode', to='scanning.scannedfile')),
            ],
            options={
                'verbose_name': 'episode',
            },
        ),
        migrations.CreateModel(
            name='MusicUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('use', models.CharField(blank=True, choices=[('Theme', 'Theme'), ('Background', 'Background'), ('OnScreenMusic', 'Heard by the people in it'), ('AudioLogo', 'Audio logo'), ('Bumper', 'Bumper'), ('EssentialPart', 'Essential part')], max_length=40, verbose_name='use')),
                ('origin', models.CharField(blank=True, choices=[('LibraryMusic', 'Library music'), ('PreexistingMusic', 'Music that existed before'), ('SpeciallyCommissionedMusic', 'Commissioned for the programme'), ('Unknown', 'Not known')], max_length=40, verbose_name='origin')),
                ('own_recording', models.BooleanField(blank=True, null=True, verbose_name='own recording')),
                ('live', models.BooleanField(blank=True, null=True, verbose_name='live recording')),
                ('recorded_on', models.DateField(blank=True, null=True, verbose_name='recorded on')),
                ('recorded_in', models.CharField(blank=True, max_length=2, verbose_name='recorded in')),
                ('published_in', models.CharField(blank=True, max_length=2, verbose_name='published in')),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='music_uses', to='catalogue.recording')),
                ('scanned_file', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='music_uses', to='scanning.scannedfile')),
            ],
            options={
                'verbose_name': 'use of music',
                'verbose_name_plural': 'uses of music',
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('scanned_file', 'recording'), name='music_use_once')],
            },
        ),
        migrations.CreateModel(
            name='Revenue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField(verbose_name='month')),
                ('rights_type', models.CharField(choices=[('PerformingRight', 'Performing right'), ('MechanicalRight', 'Mechanical right'), ('ReproductionRight', 'Reproduction right'), ('MakeAvailableRight', 'Making available right')], max_length=40, verbose_name='rights')),
                ('net_revenue', models.DecimalField(decimal_places=2, max_digits=16, validators=[django.core.validators.MinValueValidator(0)], verbose_name='net revenue')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('station', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revenues', to='streams.station')),
            ],
            options={
                'verbose_name': 'revenue',
                'verbose_name_plural': 'revenues',
                'ordering': ['station', 'month', 'id'],
                'constraints': [models.UniqueConstraint(fields=('station', 'month', 'rights_type'), name='revenue_once')],
            },
        ),
    ]
