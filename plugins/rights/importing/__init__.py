"""Imports of rights messages: CWR, DDEX ERN and tables of shares."""
