"""Pages of trials: this portal and a cloud account on the same files."""
