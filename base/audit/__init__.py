"""The audit trail: append-only events in hash chains, whatever their content."""
