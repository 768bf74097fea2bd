"""Reads open data and compares it with recordings: plain Python, without Django."""
