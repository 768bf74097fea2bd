"""Tests of takedown notices."""
