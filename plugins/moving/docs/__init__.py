"""The guides, and what draws their pictures."""
