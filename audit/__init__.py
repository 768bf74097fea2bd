"""Events, append-only and chained; knows people, and nothing of what the events tell."""
