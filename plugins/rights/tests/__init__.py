"""Tests of works, parties, shares and releases."""
