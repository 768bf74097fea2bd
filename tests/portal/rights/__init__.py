"""Tests of the pages of rights."""
