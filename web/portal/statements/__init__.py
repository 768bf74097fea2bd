"""Pages of statements: those to correct, and each of them with its versions and files."""
