"""Tests of moves and trials."""
