"""The ACRCloud-compatible API: turns its wire format into services; knows no page."""
