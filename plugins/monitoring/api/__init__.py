"""The portal's own API of streams, stations, broadcasts and declarations."""
