"""SoundExchange's report of use."""
