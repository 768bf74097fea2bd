"""Upgrades from releases: what each release stored, and what its migrations were."""
