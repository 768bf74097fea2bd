"""Pages of takedown notices."""
