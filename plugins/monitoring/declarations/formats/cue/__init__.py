"""Our own declaration of cues."""
