from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streams', '0002_who_receives'),
    ]

    operations = [
        migrations.AddField(
            model_name='stream',
            name='title_charset',
            field=models.CharField(blank=True, choices=[('utf-8', 'UTF-8'), ('windows-1252', 'Windows-1252'), ('windows-1250', 'Windows-1250'), ('windows-1251', 'Windows-1251'), ('windows-1253', 'Windows-1253'), ('windows-1254', 'Windows-1254'), ('koi8-r', 'KOI8-R')], default='', max_length=20, verbose_name='encoding of titles'),
        ),
    ]
