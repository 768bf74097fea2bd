"""Takedown notices: prepared from confirmed matches, signed and sent by people."""
