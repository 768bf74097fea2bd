"""Audio fingerprinting: landmarks, index, search; a plain library without Django."""
