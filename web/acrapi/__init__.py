"""The ACRCloud-compatible API: maps its wire format to our services; no pages."""
