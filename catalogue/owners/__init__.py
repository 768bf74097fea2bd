"""Who owns what: works, parties, shares and releases; who has what on a day."""
