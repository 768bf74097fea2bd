"""Name who stands behind what is escalated now, from the audit trail."""

from django.db import migrations

AT_ONCE = 500


def name_proposers(apps, schema_editor):
    _name_writers_of_policies(apps)
    _name_proposers_of_matches(apps)


def _name_writers_of_policies(apps):
    Event = apps.get_model("audit", "Event")
    for policy in apps.get_model("review", "Policy").objects.all():
        written = Event.objects.filter(
            case=f"policy:{policy.uid}",
            action__in=("policy.created", "policy.changed"),
            actor__isnull=False,
        ).order_by("-sequence")
        event = written.first()
        policy.changed_by_id = event.actor_id if event else policy.owner_id
        policy.save(update_fields=["changed_by"])


def _name_proposers_of_matches(apps):
    Event = apps.get_model("audit", "Event")
    Match = apps.get_model("review", "Match")
    escalated = Match.objects.filter(state="escalated").select_related("policy")
    named = []
    for match in escalated.order_by("pk").iterator(chunk_size=AT_ONCE):
        match.proposed_by_id = match.decided_by_id
        if match.decided_by_id is None and match.proposed and match.policy:
            applied = (
                Event.objects.filter(
                    case=f"match:{match.uid}",
                    action="rule_applied",
                    actor__isnull=False,
                )
                .order_by("-sequence")
                .first()
            )
            match.proposed_by_id = (
                applied.actor_id if applied else match.policy.changed_by_id
            )
        if match.proposed_by_id is not None:
            named.append(match)
        if len(named) == AT_ONCE:
            Match.objects.bulk_update(named, ["proposed_by"])
            named.clear()
    Match.objects.bulk_update(named, ["proposed_by"])


class Migration(migrations.Migration):

    dependencies = [
        ("audit", "0004_sealed_names"),
        ("review", "0016_proposers"),
    ]

    operations = [
        # The columns go with the migration before: there is nothing to take back.
        migrations.RunPython(name_proposers, migrations.RunPython.noop, elidable=True),
    ]
