"""DDEX's sales report for radio."""
