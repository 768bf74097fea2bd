import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('review', '0015_policy_words'),
    ]

    operations = [
        migrations.AddField(
            model_name='match',
            name='proposed_by',
            field=models.ForeignKey(blank=True, help_text='Who escalated it, or stands behind the policy that did: somebody else approves.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='policy',
            name='changed_by',
            field=models.ForeignKey(blank=True, editable=False, help_text='Who wrote what the policy says now, and so proposes what it does.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
    ]
