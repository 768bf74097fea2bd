"""YouTube's own reports."""
