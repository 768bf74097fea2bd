"""Containers, files, scans and detections: what engines found, not decisions."""
