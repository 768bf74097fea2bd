"""Which addresses of the internet a stranger's link may lead to.

``ipaddress`` knows the special-purpose blocks of the Python that runs; the tables in
``iana/`` are those of the date in their heads.
"""

from __future__ import annotations

import csv
from functools import cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final

_TABLES: Final = Path(__file__).parent / "iana"
# RFC 4291 §2.4: all other IPv6 is special, unassigned, or withdrawn, as fec0::/10 and
# the addresses in ::/96 that contain one of IPv4.
_IPV6_INTERNET: Final = ip_network("2000::/3")
_METADATA: Final = {
    # Azure's platform answers every virtual machine there: learn.microsoft.com, "What
    # is IP address 168.63.129.16". Other clouds use link-local or private addresses.
    ip_address("168.63.129.16")
}


def is_public(text: str) -> bool:
    """Return whether an address belongs to a host of the internet.

    No special-purpose block does, even if IANA calls it globally reachable: behind
    192.0.0.9 answers the nearest gateway, and behind 6to4, Teredo and NAT64 any address
    of IPv4.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if isinstance(address, IPv6Address) and address not in _IPV6_INTERNET:
        return False
    return (
        address.is_global
        and not address.is_multicast
        and address not in _METADATA
        and not any(address in block for block in special_blocks(address.version))
    )


@cache
def special_blocks(version: int) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the blocks of IANA's registry for one version of the protocol."""
    with (_TABLES / f"ipv{version}-special.csv").open(encoding="utf-8") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        # A cell may hold two blocks, and the number of a footnote behind a block.
        return tuple(
            ip_network(block.split()[0])
            for row in rows
            for block in row["Address Block"].split(",")
        )
