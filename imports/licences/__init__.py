"""Imports of licences from a sheet, and the sheet of those that there are."""
