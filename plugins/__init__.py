"""One folder per capability beyond the core; nothing else imports it."""
