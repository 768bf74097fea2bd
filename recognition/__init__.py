"""From audio to landmarks, index and matches; a plain library without Django."""
