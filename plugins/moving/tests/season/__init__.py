"""What moving adds to the season."""
