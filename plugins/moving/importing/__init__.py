"""Moving an account at ACRCloud, or at a server with its protocol, into this portal."""
