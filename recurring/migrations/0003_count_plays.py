from django.db import migrations
from django.db.models import Count, F, Max, Min


def count_plays(apps, _schema):
    """Count the plays of the items that are there, as ``recurring.figures`` does."""
    occurrences = apps.get_model("recurring", "Occurrence").objects.order_by()
    plays = apps.get_model("recurring", "ContainerPlays")
    counted = occurrences.values(
        "item_id", container_id=F("file__scanned_file__container")
    ).annotate(
        plays=Count("pk"),
        files=Count("file", distinct=True),
        first_at=Min("file__scanned_file__created_at"),
        last_at=Max("file__scanned_file__created_at"),
    )
    plays.objects.bulk_create(
        (plays(**one) for one in counted), batch_size=500, ignore_conflicts=True
    )


class Migration(migrations.Migration):
    dependencies = [("recurring", "0002_plays_by_container")]

    operations = [migrations.RunPython(count_plays, migrations.RunPython.noop, elidable=True)]
