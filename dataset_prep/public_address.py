"""Which network addresses a download may connect to.

A list of image links is data from strangers. A link to an address inside one's own network would
make this machine ask its neighbours on their behalf (server-side request forgery), so such
addresses are refused, at the moment of connecting: what a name resolves to may change in between.
"""

from __future__ import annotations

import ipaddress
from typing import Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
# RFC 6052: an IPv4 address in the last four bytes, reached through a translator.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
# The only IPv6 addresses handed out for the public internet (RFC 4291). ``is_global`` is also true
# of many outside it that reach one's own network: ::127.0.0.1, ::ffff:0:127.0.0.1, fec0::1,
# 64:ff9b:1::7f00:1.
_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet.

    Args:
        address: IPv4 or IPv6 address, an IPv6 one possibly with a zone.

    Returns:
        False for loopback, private, link-local, multicast and reserved addresses, also where they
        are wrapped into an IPv6 address, and for what is no address.
    """
    try:
        parsed: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(
        part.is_global and not part.is_multicast and (part.version == 4 or part in _PUBLIC_IPV6)
        for part in _unwrapped(parsed)
    )


def is_address(host: str) -> bool:
    """Whether a host is written as an address instead of a name.

    Args:
        host: Host of a URL, an IPv6 address without brackets.

    Returns:
        Whether it is one.
    """
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def ends_in_number(host: str) -> bool:
    """Whether a host would be read as an IPv4 address by some software, in whatever spelling.

    Args:
        host: Host of a URL.

    Returns:
        Whether its last label is a decimal or hexadecimal number, as no name's is.
    """
    last = host.rstrip(".").rpartition(".")[2].lower()
    return last.isdigit() or last.startswith("0x")


def _unwrapped(address: Address) -> list[Address]:
    """The address, or the IPv4 addresses that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return list(address.teredo)
    if address in _TRANSLATED:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address]
