"""Django's SQLite backend, for transactions that begin with the write lock."""
