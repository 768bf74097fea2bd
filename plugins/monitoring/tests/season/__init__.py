"""What monitoring adds to the season."""
