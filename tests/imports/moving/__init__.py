"""Moving accounts in."""
