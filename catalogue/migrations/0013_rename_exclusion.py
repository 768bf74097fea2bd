from django.db import migrations

OLD, NEW = "excludedsegment", "exclusion"


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
            content_type__app_label="catalogue", codename=f"{action}_{old}"
        ).update(codename=f"{action}_{new}", name=f"Can {action} {_WORDS[new]}")


_WORDS = {OLD: "excluded segment", NEW: "exclusion"}


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("catalogue", "0012_unfiltered_managers"),
    ]

    operations = [
        migrations.AlterModelTable(
            name="excludedsegment", table="catalogue_excludedsegment"
        ),
        migrations.RenameModel(old_name="ExcludedSegment", new_name="Exclusion"),
        migrations.RunPython(rename_permissions, restore_permissions, elidable=True),
    ]
