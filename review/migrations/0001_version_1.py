import common.uid
import datetime
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import functools
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


def add_own_accounts(apps, schema_editor):
    """Add the licence that every installation has: the uses on its own accounts."""
    apps.get_model("review", "Licence").objects.create(
        built_in=True,
        uid="l_OWN_ACCOUNTS",
        holder="Own accounts",
        scope="all",
        use_kind="account",
        active=True,
    )


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '__first__'),
        ('catalogue', '0001_version_1'),
        ('scanning', '0001_version_1'),
    ]

    operations = [
        migrations.CreateModel(
            name='Dispute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('d',), **{}), editable=False, max_length=32, unique=True)),
                ('code', models.CharField(choices=[('licensed', 'The use is licensed'), ('own_content', 'It is their own content'), ('public_domain', 'Public domain'), ('exception', 'An exception: quotation, fair use'), ('misidentified', 'It is not this recording'), ('shared_loop', 'Shared loop or sample'), ('wrong_owner', 'It belongs to somebody else'), ('other', 'Other (say what)')], max_length=20)),
                ('is_appeal', models.BooleanField(default=False)),
                ('statement', models.TextField(blank=True, default='', max_length=4000)),
                ('received_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('status', models.CharField(choices=[('open', 'Open'), ('upheld', 'Claim upheld'), ('withdrawn', 'Withdrawn'), ('released', 'Claim released'), ('undone', 'Recorded by mistake')], default='open', max_length=16)),
                ('answer', models.TextField(blank=True, default='', max_length=4000)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('answered_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('recorded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Licence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('l',), **{}), editable=False, max_length=32, unique=True)),
                ('holder', models.CharField(max_length=300)),
                ('scope', models.CharField(choices=[('all', 'All recordings'), ('bucket', 'Buckets'), ('label', 'Labels'), ('recordings', 'Recordings')], max_length=16)),
                ('labels', models.JSONField(blank=True, default=list)),
                ('use_kind', models.CharField(choices=[('any', 'Any use'), ('account', 'Accounts'), ('url_prefix', 'Addresses that begin with'), ('programme', 'Programmes'), ('external_id', 'External ids')], default='any', max_length=16)),
                ('use_values', models.JSONField(blank=True, default=list)),
                ('territories', models.JSONField(blank=True, default=list)),
                ('valid_from', models.DateField(blank=True, null=True)),
                ('valid_until', models.DateField(blank=True, null=True)),
                ('max_seconds', models.PositiveIntegerField(blank=True, null=True)),
                ('on_expiry', models.CharField(choices=[('reopen', 'Reopen its matches'), ('keep', 'Keep uses in the period cleared')], default='reopen', max_length=16)),
                ('evidence', models.FileField(blank=True, default='', max_length=200, upload_to='')),
                ('evidence_name', models.CharField(blank=True, default='', max_length=500)),
                ('note', models.TextField(blank=True, default='', max_length=4000)),
                ('built_in', models.BooleanField(default=False, editable=False)),
                ('active', models.BooleanField(default=False, editable=False)),
                ('withdrawn_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('buckets', models.ManyToManyField(blank=True, limit_choices_to={'deleted_at__isnull': True}, related_name='+', to='catalogue.bucket')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('recordings', models.ManyToManyField(blank=True, related_name='licences', to='catalogue.recording')),
            ],
            options={
                'ordering': ['-built_in', '-id'],
                'indexes': [models.Index(fields=['valid_until'], name='licence_until')],
                'constraints': [models.CheckConstraint(condition=models.Q(('valid_from__isnull', True), ('valid_until__isnull', True), ('valid_until__gte', models.F('valid_from')), _connector='OR'), name='licence_dates_ordered'), models.UniqueConstraint(condition=models.Q(('built_in', True)), fields=('built_in',), name='licence_one_built_in')],
            },
        ),
        migrations.CreateModel(
            name='Match',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('m',), **{}), editable=False, max_length=32, unique=True)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('in_review', 'In review'), ('escalated', 'Escalated'), ('confirmed', 'Confirmed'), ('cleared', 'Cleared'), ('rejected', 'Rejected'), ('suppressed', 'Suppressed'), ('disputed', 'Disputed'), ('upheld', 'Upheld'), ('released', 'Released'), ('superseded', 'Superseded')], default='pending', max_length=16)),
                ('queue_reason', models.CharField(choices=[('default', 'New match'), ('short', 'Short use'), ('low_score', 'Low score'), ('altered', 'Altered'), ('under_speech', 'Under speech'), ('two_candidates', 'Two candidates'), ('shared_loop', 'Shared loop'), ('metadata_conflict', 'ISRC conflict'), ('rescan_changed', 'Changed by a rescan'), ('engines_disagree', 'Engines disagree'), ('found_late', 'Found late'), ('reopened', 'Reopened'), ('below_floor', 'Below the floor'), ('excluded', 'Excluded interval'), ('licence_partial', 'Partly licensed'), ('licence_ended', 'Licence ended'), ('policy', 'Sent by a policy'), ('second_approval', 'Second approval'), ('dispute', 'Disputed')], default='default', max_length=40)),
                ('relation', models.CharField(choices=[('altered', 'Altered'), ('identical_audio', 'Identical audio'), ('loop', 'Loop'), ('same_recording', 'Same recording'), ('excerpt', 'Excerpt'), ('similar_work', 'Similar work')], max_length=20)),
                ('score', models.DecimalField(decimal_places=1, max_digits=5, null=True)),
                ('score_scale', models.CharField(max_length=40)),
                ('segment_count', models.PositiveIntegerField()),
                ('matched_ms', models.BigIntegerField()),
                ('longest_ms', models.BigIntegerField()),
                ('excluded_ms', models.BigIntegerField(default=0, help_text='Matched time removed by exclusions.')),
                ('wholly_excluded', models.BooleanField(default=False, help_text='Exclusions cover the whole match; the figures ignore them.')),
                ('source_views', models.BigIntegerField(default=0, help_text='Views of the source as reported by its platform.')),
                ('source_coverage_pct', models.DecimalField(decimal_places=2, max_digits=5)),
                ('reference_coverage_pct', models.DecimalField(decimal_places=2, max_digits=5, null=True)),
                ('first_start_ms', models.BigIntegerField()),
                ('last_end_ms', models.BigIntegerField()),
                ('speed_pct', models.DecimalField(decimal_places=2, max_digits=6, null=True)),
                ('pitch_cents', models.IntegerField(null=True)),
                ('under_speech', models.BooleanField(null=True)),
                ('rivals', models.PositiveIntegerField(default=0, help_text='Other recordings in over half of the same time, not counting copies.')),
                ('found_late', models.BooleanField(default=False)),
                ('lost', models.BooleanField(default=False, help_text='A later scan did not find it again.')),
                ('decided_by_name', models.CharField(blank=True, default='', max_length=150)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decision_reason', models.CharField(blank=True, default='', max_length=40)),
                ('policy_action', models.CharField(blank=True, choices=[('review', 'Ask a reviewer'), ('confirm', 'Confirm'), ('escalate', 'Ask a manager'), ('suppress', 'Suppress')], default='', max_length=16)),
                ('policy_name', models.CharField(blank=True, default='', help_text='The policy and its version at the time.', max_length=200)),
                ('priority', models.SmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('needs_approval', models.BooleanField(default=False, help_text='Confirming needs approval by a second person.')),
                ('proposed', models.CharField(blank=True, choices=[('confirm', 'Confirm')], default='', help_text='The decision that waits for a second approval.', max_length=16)),
                ('note', models.TextField(blank=True, default='', max_length=4000)),
                ('locked_until', models.DateTimeField(blank=True, null=True)),
                ('version', models.PositiveIntegerField(default=1)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('assignee', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='assigned_matches', to=settings.AUTH_USER_MODEL)),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('dispute', models.ForeignKey(blank=True, help_text='The latest dispute of the claim.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='review.dispute')),
                ('licence', models.ForeignKey(blank=True, help_text='The licence that cleared the match.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='review.licence')),
                ('locked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('proposed_by', models.ForeignKey(blank=True, help_text='The person who escalated it, or on whose behalf a policy did. Somebody else approves.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='catalogue.recording')),
                ('scan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='scanning.scan')),
                ('scanned_file', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='scanning.scannedfile')),
                ('second_scan', models.ForeignKey(blank=True, help_text='The scan by the other engine that found the recording too.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='scanning.scan')),
                ('superseded_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='supersedes', to='review.match')),
            ],
            options={
                'verbose_name_plural': 'matches',
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.AddField(
            model_name='dispute',
            name='match',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='disputes', to='review.match'),
        ),
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('p',), **{}), editable=False, max_length=32, unique=True)),
                ('name', models.CharField(max_length=150, unique=True)),
                ('position', models.PositiveIntegerField(default=0, editable=False)),
                ('enabled', models.BooleanField(default=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('conditions', models.JSONField(blank=True, default=dict)),
                ('action', models.CharField(choices=[('review', 'Ask a reviewer'), ('confirm', 'Confirm'), ('escalate', 'Ask a manager'), ('suppress', 'Suppress')], max_length=16)),
                ('priority', models.SmallIntegerField(default=0, help_text='0 to 9; higher comes first in the queue.', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(9)])),
                ('due_days', models.PositiveSmallIntegerField(blank=True, help_text='Days until the decision is due.', null=True)),
                ('second_approval', models.BooleanField(default=False, help_text='Confirming needs approval by a second person.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('assignee', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('changed_by', models.ForeignKey(blank=True, editable=False, help_text='The author of the current version; its proposals are in this name.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('owner', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'policies',
                'ordering': ['position', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('action__in', ['review', 'confirm', 'escalate', 'suppress'])), name='policy_action_known')],
            },
        ),
        migrations.AddField(
            model_name='match',
            name='policy',
            field=models.ForeignKey(blank=True, help_text='The policy that decided or routed the match.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='review.policy'),
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.CharField(default=functools.partial(common.uid.new_uid, *('v',), **{}), editable=False, max_length=32, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('query', models.CharField(blank=True, default='', max_length=1000)),
                ('is_shared', models.BooleanField(default=False)),
                ('is_default', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name', 'id'],
                'constraints': [models.UniqueConstraint(fields=('owner', 'name'), name='saved_view_name_unique'), models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('owner',), name='saved_view_one_default')],
            },
        ),
        migrations.AddIndex(
            model_name='dispute',
            index=models.Index(fields=['status', 'due_at'], name='dispute_due'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(('due_at__gte', models.F('received_at'))), name='dispute_due_after_received'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(fields=['state', '-created_at', '-id'], name='match_state'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(fields=['state', '-score', '-id'], name='match_state_score'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(fields=['recording', 'state'], name='match_recording'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(fields=['-created_at', '-id'], name='match_newest'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(fields=['score', 'id'], name='match_score'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(fields=['matched_ms', 'id'], name='match_length'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(django.db.models.functions.comparison.Coalesce('due_at', models.Value(datetime.datetime(9999, 12, 31, 0, 0, tzinfo=datetime.timezone.utc))), models.OrderBy(models.F('priority'), descending=True), models.F('created_at'), models.F('id'), condition=models.Q(('state__in', ['pending', 'in_review', 'escalated'])), include=('scanned_file', 'due_at'), name='match_queue'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(condition=models.Q(('state__in', ['pending', 'in_review', 'escalated'])), fields=['-priority', '-source_views', '-matched_ms', 'id'], include=('scanned_file',), name='match_at_stake'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(django.db.models.functions.comparison.Coalesce('score', models.Value(Decimal('-1'))), models.F('id'), condition=models.Q(('state__in', ['pending', 'in_review', 'escalated'])), include=('scanned_file', 'score'), name='match_waits_score'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(condition=models.Q(('state__in', ['pending', 'in_review', 'escalated'])), fields=['matched_ms', 'id'], include=('scanned_file',), name='match_waits_length'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(condition=models.Q(('state__in', ['pending', 'in_review', 'escalated'])), fields=['queue_reason', 'created_at', 'id'], include=('scanned_file', 'state'), name='match_waiting'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(condition=models.Q(('state__in', ['pending', 'in_review', 'escalated']), ('due_at__isnull', False)), fields=['due_at'], include=('scanned_file',), name='match_due'),
        ),
        migrations.AddIndex(
            model_name='match',
            index=models.Index(condition=models.Q(('decided_at__isnull', False)), fields=['decided_at'], include=('state', 'decided_by', 'score_scale', 'score'), name='match_decided'),
        ),
        migrations.AddConstraint(
            model_name='match',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'superseded'), _negated=True), fields=('scanned_file', 'recording'), name='match_one_live_per_recording'),
        ),
        migrations.AddConstraint(
            model_name='match',
            constraint=models.CheckConstraint(condition=models.Q(('first_start_ms__gte', 0), ('last_end_ms__gt', models.F('first_start_ms'))), name='match_offsets_ordered'),
        ),
        migrations.AddConstraint(
            model_name='match',
            constraint=models.CheckConstraint(condition=models.Q(('longest_ms__gt', 0), ('matched_ms__gte', models.F('longest_ms'))), name='match_lengths_ordered'),
        ),
        migrations.AddConstraint(
            model_name='match',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'rejected'), _negated=True), models.Q(('decision_reason', ''), _negated=True), _connector='OR'), name='match_rejected_has_reason'),
        ),
        migrations.AddConstraint(
            model_name='match',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'cleared'), _negated=True), models.Q(('decision_reason', 'licence'), _negated=True), ('licence__isnull', False), _connector='OR'), name='match_cleared_by_licence_names_it'),
        ),
        migrations.AddConstraint(
            model_name='match',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'superseded'), ('superseded_by__isnull', True), _connector='OR'), name='match_superseded_has_state'),
        ),
        migrations.AddConstraint(
            model_name='match',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['pending', 'in_review', 'escalated', 'confirmed', 'cleared', 'rejected', 'suppressed', 'disputed', 'upheld', 'released', 'superseded'])), name='match_state_known'),
        ),
        migrations.RunPython(add_own_accounts, migrations.RunPython.noop),
    ]
