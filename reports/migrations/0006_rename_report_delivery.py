from django.db import migrations

OLD, NEW = "reportdispatch", "reportdelivery"


def rename_permissions(apps, _schema_editor):
    """Carry the permissions over; without this Django would add new ones."""
    _rename(apps, OLD, NEW)


def restore_permissions(apps, _schema_editor):
    """Give the permissions their earlier names."""
    _rename(apps, NEW, OLD)


def _rename(apps, old, new):
    permissions = apps.get_model("auth", "Permission").objects
    for action in ("add", "change", "delete", "view"):
        permissions.filter(
            content_type__app_label="reports", codename=f"{action}_{old}"
        ).update(codename=f"{action}_{new}", name=f"Can {action} {_WORDS[new]}")


_WORDS = {OLD: "report dispatch", NEW: "report delivery"}


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("reports", "0005_files_without_words"),
    ]

    operations = [
        migrations.AlterModelTable(
            name="reportdispatch", table="reports_reportdispatch"
        ),
        migrations.RenameModel(old_name="ReportDispatch", new_name="ReportDelivery"),
        migrations.AlterModelOptions(
            name="reportdelivery",
            options={"ordering": ["-id"], "verbose_name_plural": "report deliveries"},
        ),
        migrations.RunPython(rename_permissions, restore_permissions, elidable=True),
    ]
