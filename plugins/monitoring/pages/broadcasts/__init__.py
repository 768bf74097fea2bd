"""Where people enter episodes, broadcasts, uses of music and figures of stations."""
