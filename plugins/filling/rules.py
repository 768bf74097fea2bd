"""Adds, switches and deletes the rules that accept suggestions."""

from __future__ import annotations

from django.db import transaction

import base.audit.services
from base.accounts.models import User
from plugins.filling.models import FillingRule


def add_rule(*, rule: FillingRule, user: User) -> FillingRule:
    """Save a new rule; it accepts after the next search."""
    rule.created_by = user
    with transaction.atomic():
        rule.save()
        base.audit.services.record(
            case=f"filling-rule:{rule.uid}",
            action="filling_rule.created",
            actor=user,
            after={
                "bucket": rule.bucket_id,
                "field": rule.field,
                "least_confidence": str(rule.least_confidence),
            },
        )
    return rule


def switch_rule(*, rule: FillingRule, is_on: bool, user: User) -> None:
    """Switch a rule on or off; what it accepted stays."""
    with transaction.atomic():
        if FillingRule.objects.filter(pk=rule.pk, is_on=not is_on).update(is_on=is_on):
            base.audit.services.record(
                case=f"filling-rule:{rule.uid}",
                action="filling_rule.changed",
                actor=user,
                before={"on": not is_on},
                after={"on": is_on},
            )


def delete_rule(*, rule: FillingRule, user: User) -> None:
    """Delete a rule; what it accepted stays."""
    with transaction.atomic():
        base.audit.services.record(
            case=f"filling-rule:{rule.uid}",
            action="filling_rule.deleted",
            actor=user,
            before={"bucket": rule.bucket_id, "field": rule.field},
        )
        rule.delete()
