"""What every other package stands on: shared helpers, accounts, audit trail and jobs."""
