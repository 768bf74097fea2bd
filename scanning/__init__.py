"""What machines found in files: containers, scans, detections; decides nothing."""
