"""A season: random steps by whole teams on the real application.

``python -m tests.season --help`` runs it; ``tests/season/README.md`` explains it.
"""
