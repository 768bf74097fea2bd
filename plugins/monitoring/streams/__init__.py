"""Live streams: stations, recorders, plays, gaps, alarms."""
