"""Keeps an installation well: backup, restore, doctor, jobs; decides no match."""
