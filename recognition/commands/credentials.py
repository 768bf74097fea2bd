"""Where tokens come from: the environment, or a file that only its owner may read.

Never from arguments, which other users of the machine can see in the process list.
"""

from __future__ import annotations

import configparser
import os
import stat
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from recognition.commands.console import UsageError

TOKEN: Final = "ACRFP_TOKEN"  # noqa: S105  the name of a variable
SERVER: Final = "ACRFP_SERVER"
CREDENTIALS: Final = "ACRFP_CREDENTIALS"
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
MAX_BYTES: Final = 64 * 1024


def server_address(option: str | None) -> str:
    """Return the address of the server, without a slash at its end."""
    address = (option or os.environ.get(SERVER, "")).rstrip("/").removesuffix("/api")
    if not address:
        raise UsageError(f"Name the server with --server https://… or the variable {SERVER}.")
    parts = urlsplit(address)
    here = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not parts.hostname or parts.scheme not in {"https", "http"}:
        raise UsageError(f"{address} is not an address; it must begin with https://.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            "The address of the server holds more than a host and a path; tokens "
            f"belong into {TOKEN} or the credentials file."
        )
    if parts.scheme == "http" and not here:
        raise UsageError(
            f"{address} has no encryption, so the token could be read on the way. "
            "Use https, or a tunnel to localhost."
        )
    return address


def token_for(server: str) -> str:
    """Return the token for a server; ``UsageError`` says where to put one."""
    token = os.environ.get(TOKEN, "").strip() or _from_file(server)
    if not token.isascii() or not token.isprintable():
        raise UsageError("The token contains characters that are not allowed in tokens.")
    return token


def _from_file(server: str) -> str:
    path = _credentials_path()
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            if state.st_mode & OTHERS or state.st_uid != os.getuid():
                raise UsageError(
                    f"Other users may read {path}, or it is another user's. "
                    f"Make it yours, then run: chmod 600 {path}"
                )
            text = file.read(MAX_BYTES).decode("utf-8")
    except FileNotFoundError:
        text = ""
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a text file.") from None
    # Addresses hold colons, so only = separates; % in a token is no pattern.
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        # Its own text may quote the line with the token.
        raise UsageError(
            f"{path} cannot be read ({type(error).__name__}). It needs the lines "
            f"[{server}] and token = …"
        ) from None
    token = parser.get(server, "token", fallback="").strip()
    if not token:
        raise UsageError(
            f"There is no token for {server}. Set {TOKEN}, or write the lines "
            f"[{server}] and token = … to {path} and run: chmod 600 {path}"
        )
    return token


def _credentials_path() -> Path:
    if named := os.environ.get(CREDENTIALS):
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home, "acrfp", "credentials")
