"""Operating an installation: backup, restore, doctor, metrics, retention, job list."""
