"""Who people are, and what they may do and see; knows nothing of their work."""
