"""A made-up format."""
