"""Tests of suggestions from open data."""
