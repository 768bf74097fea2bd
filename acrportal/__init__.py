"""The assembled application: settings, URLs, health checks, web worker."""
