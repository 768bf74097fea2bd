"""A table whose columns the user maps."""
