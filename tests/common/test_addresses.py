"""Links lead to hosts of the internet only, in every notation of an address."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from base.common.addresses import is_public, special_blocks

ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6)
# Inside of IPv6: mapped, compatible, translated, 6to4, Teredo's server and client.
EMBEDDED: list[Callable[[IPv4Address], int]] = [
    lambda v4: int(v4) | 0xFFFF << 32,
    lambda v4: int(v4),
    lambda v4: int(v4) | 0x64FF9B << 96,
    lambda v4: int(v4) | 0x64FF9B0001 << 80,
    lambda v4: 0x2002 << 112 | int(v4) << 80,
    lambda v4: 0x20010000 << 96 | int(v4) << 64,
    lambda v4: 0x20010000 << 96 | 0x08080808 << 64 | int(v4) ^ 0xFFFFFFFF,
]


def test_hosts_of_the_internet_are_public_and_special_addresses_are_not() -> None:
    for address in (
        *("1.1.1.1", "93.184.216.34", "168.63.129.15"),
        *("2606:4700::1111", "::ffff:1.1.1.1"),
    ):
        assert is_public(address), address

    for address in (
        "168.63.129.16",  # Azure
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # containers at Amazon
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # Amazon
        "fd20:ce::254",  # Google
        *("fec0::1", "::127.0.0.1", "::1.1.1.1", "224.0.0.1"),
        *("ff0e::1", "4000::1", "fe80::1%eth0"),
    ):
        assert not is_public(address), address

    for blocks in (special_blocks(4), special_blocks(6)):
        assert len(blocks) > 24
        for block in blocks:
            assert not is_public(str(block[0])), block
            assert not is_public(str(block[-1])), block


def test_the_registries_contain_what_python_knows() -> None:
    """A block that is missing in the tables would be a slip of the pen."""
    private_networks = [
        *ipaddress._IPv4Constants._private_networks,  # type: ignore[attr-defined]
        *ipaddress._IPv6Constants._private_networks,  # type: ignore[attr-defined]
    ]

    for network in private_networks:
        blocks = special_blocks(network.version)
        assert any(network.subnet_of(block) for block in blocks), network


@given(ADDRESSES)
def test_what_python_calls_special_is_not_public(address: IPv4Address | IPv6Address) -> None:
    outer = getattr(address, "ipv4_mapped", None) or address
    if not outer.is_global or outer.is_reserved or outer.is_multicast:
        assert not is_public(str(address))


@given(address=st.ip_addresses(v=4, network="0.0.0.0/0"))
def test_an_embedded_address_is_no_way_in(address: IPv4Address) -> None:
    for way in EMBEDDED:
        inside = IPv6Address(way(address))
        assert not is_public(str(inside)) or (inside.ipv4_mapped and is_public(str(address)))
