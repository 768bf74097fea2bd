"""Tests of repeated unknown sound."""
