"""Repeated unknown sound: what returns and matches nothing, and what people say it is."""
