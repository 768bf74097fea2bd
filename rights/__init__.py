"""Who owns what: works, parties, shares, releases, and where they contradict."""
