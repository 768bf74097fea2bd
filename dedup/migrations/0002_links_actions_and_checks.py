

import common.uid
import django.db.models.deletion
import functools
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0008_merged_recordings"),
        ("dedup", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogueCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "lease_owner",
                    models.CharField(blank=True, default="", max_length=64),
                ),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "uid",
                    models.CharField(
                        default=functools.partial(common.uid.new_uid, *("k",), **{}),
                        editable=False,
                        max_length=32,
                        unique=True,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("cancel_requested", models.BooleanField(default=False)),
                ("total", models.PositiveIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0)),
                ("pairs", models.PositiveIntegerField(default=0)),
                ("skipped", models.PositiveIntegerField(default=0)),
                ("message", models.CharField(blank=True, default="", max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="CheckedRecording",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("audio", models.CharField(blank=True, default="", max_length=64)),
                ("engine_version", models.CharField(max_length=40)),
                ("at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.CreateModel(
            name="DedupAction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "uid",
                    models.CharField(
                        default=functools.partial(common.uid.new_uid, *("d",), **{}),
                        editable=False,
                        max_length=32,
                        unique=True,
                    ),
                ),
                (
                    "verb",
                    models.CharField(
                        choices=[
                            ("canonical", "Choose the canonical recording"),
                            ("merge", "Merge"),
                            ("keep", "Keep apart"),
                            ("split", "Split"),
                            ("retire", "Retire"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "Proposed"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("undone", "Undone"),
                        ],
                        default="done",
                        max_length=16,
                    ),
                ),
                ("title", models.CharField(max_length=500)),
                ("group_uid", models.CharField(db_index=True, max_length=32)),
                ("asked", models.JSONField(default=dict)),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("note", models.CharField(blank=True, default="", max_length=1000)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="LoopPlace",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("start_ms", models.PositiveIntegerField()),
                ("end_ms", models.PositiveIntegerField()),
            ],
            options={
                "ordering": ["recording_id", "start_ms"],
            },
        ),
        migrations.CreateModel(
            name="PairLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "uid",
                    models.CharField(
                        default=functools.partial(common.uid.new_uid, *("p",), **{}),
                        editable=False,
                        max_length=32,
                        unique=True,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("exact_file", "Same file"),
                            ("same_audio", "Same audio"),
                            ("same_recording", "Same recording"),
                            ("overlap", "Overlap"),
                            ("shared_loop", "Shared loop"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("altered", models.BooleanField(default=False)),
                ("runs", models.JSONField(blank=True, default=list)),
                ("coverage_one", models.FloatField(default=0)),
                ("coverage_other", models.FloatField(default=0)),
                ("tempo_ratio", models.FloatField(default=1)),
                ("pitch_cents", models.FloatField(default=0)),
                ("confidence", models.FloatField(default=1)),
                (
                    "engine_version",
                    models.CharField(blank=True, default="", max_length=40),
                ),
                ("audio_one", models.CharField(blank=True, default="", max_length=64)),
                (
                    "audio_other",
                    models.CharField(blank=True, default="", max_length=64),
                ),
                ("kept_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="SharedLoop",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "uid",
                    models.CharField(
                        default=functools.partial(common.uid.new_uid, *("l",), **{}),
                        editable=False,
                        max_length=32,
                        unique=True,
                    ),
                ),
                ("length_ms", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("excluded", "Excluded"),
                            ("kept", "Kept"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="dedupgroup",
            name="kind",
            field=models.CharField(
                choices=[("same_sound", "Same sound"), ("family", "Version family")],
                default="same_sound",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="dedupgroup",
            name="version",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="dedupmember",
            name="bridge",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="dedupmember",
            name="pinned",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="dedupmember",
            name="kind",
            field=models.CharField(
                blank=True,
                choices=[
                    ("exact_file", "Same file"),
                    ("same_audio", "Same audio"),
                    ("same_recording", "Same recording"),
                    ("overlap", "Overlap"),
                    ("shared_loop", "Shared loop"),
                ],
                default="",
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="dedupmember",
            name="recording",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="dedup_members",
                to="catalogue.recording",
            ),
        ),
        migrations.AddConstraint(
            model_name="dedupmember",
            constraint=models.UniqueConstraint(
                fields=("group", "recording"), name="dedup_once_in_a_group"
            ),
        ),
        migrations.AddField(
            model_name="cataloguecheck",
            name="bucket",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="catalogue.bucket",
            ),
        ),
        migrations.AddField(
            model_name="cataloguecheck",
            name="requested_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="checkedrecording",
            name="bucket",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="catalogue.bucket",
            ),
        ),
        migrations.AddField(
            model_name="checkedrecording",
            name="recording",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="dedup_check",
                to="catalogue.recording",
            ),
        ),
        migrations.AddField(
            model_name="dedupaction",
            name="made_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="dedupaction",
            name="settled_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="loopplace",
            name="recording",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="catalogue.recording",
            ),
        ),
        migrations.AddField(
            model_name="pairlink",
            name="kept_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="pairlink",
            name="one",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="catalogue.recording",
            ),
        ),
        migrations.AddField(
            model_name="pairlink",
            name="other",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="catalogue.recording",
            ),
        ),
        migrations.AddField(
            model_name="loopplace",
            name="loop",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="places",
                to="dedup.sharedloop",
            ),
        ),
        migrations.AddConstraint(
            model_name="cataloguecheck",
            constraint=models.UniqueConstraint(
                models.OrderBy(models.F("status"), descending=True),
                condition=models.Q(("status", "running")),
                name="dedup_one_check_at_a_time",
            ),
        ),
        migrations.AddIndex(
            model_name="pairlink",
            index=models.Index(fields=["kind", "kept_at"], name="dedup_link_kind"),
        ),
        migrations.AddConstraint(
            model_name="pairlink",
            constraint=models.UniqueConstraint(
                fields=("one", "other"), name="dedup_one_link_per_pair"
            ),
        ),
        migrations.AddConstraint(
            model_name="pairlink",
            constraint=models.CheckConstraint(
                condition=models.Q(("one__lt", models.F("other"))),
                name="dedup_pair_in_order",
            ),
        ),
    ]
