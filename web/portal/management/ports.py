"""Looks whether a port is free before a command works long for nothing."""

from __future__ import annotations

import socket
from contextlib import closing

from django.core.management.base import CommandError


def require_free_port(host: str, port: int) -> None:
    """Raise ``CommandError`` if no server can listen on a port."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, _protocol, _name, address = addresses[0]
        with closing(socket.socket(family, kind)) as probe:
            # A port whose last server has just ended is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Its lookup takes a port modulo 65536.
            probe.bind((address[0], port, *address[2:]))
            probe.listen()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(
            f"The portal cannot listen on port {port} of {host}: {reason}. End the "
            "program that uses the port, or choose another one: PORT=8001 after make, "
            "--port 8001 after manage.py."
        ) from error
