"""Pages of declarations of use and their profiles."""
