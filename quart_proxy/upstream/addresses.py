"""Which addresses an upstream may have. Checked when an admin saves it and again at every connection, after
the name was resolved, so a name that changes its mind reaches nothing it should not."""

import ipaddress
import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

# Where clouds answer with credentials to whoever asks from inside: never an upstream, private or not.
METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "100.100.100.200", "fd00:ec2::254", "168.63.129.16")
)
# IPv6 prefixes that carry an IPv4 address inside: NAT64 and 6to4.
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class ForbiddenAddress(ValueError):
    """An address that this proxy does not call. The sentence says which and why."""


def check_address(text: str, *, allow_private: bool) -> None:
    """Raise ForbiddenAddress if the IP address `text` may not be called."""
    address = _innermost(ipaddress.ip_address(text.partition("%")[0]))
    if address in METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
        raise ForbiddenAddress(f"{text} is an address that no provider has.")
    if isinstance(address, IPv4Address) and (address.packed[0] == 0 or address.packed == b"\xff" * 4):
        raise ForbiddenAddress(f"{text} is an address that no provider has.")
    if not allow_private and not address.is_global:
        raise ForbiddenAddress(f"{text} is a private address; ALLOW_PRIVATE_UPSTREAMS=true allows it.")


def _innermost(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


@lru_cache(maxsize=4096)
def check_url(url: str, *, allow_private: bool) -> None:
    """Raise ForbiddenAddress unless `url` is one that may be an `api_url`, as far as can be told without resolving
    its name."""
    if any(character <= " " or character == "\\" or character == "\x7f" for character in url):
        raise ForbiddenAddress("an address has no blanks, backslashes or control characters")
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ForbiddenAddress("must begin with https:// and name a host")
    if parts.scheme == "http" and not allow_private:
        raise ForbiddenAddress("must begin with https:// (ALLOW_PRIVATE_UPSTREAMS=true allows http)")
    if parts.username is not None or parts.query or parts.fragment:
        raise ForbiddenAddress("must have no user, query or fragment")
    try:
        parts.port  # noqa: B018  (reading it raises for a port that is none)
        # The spellings that the C library takes for IPv4: decimal, octal, hexadecimal, short.
        literal = socket.inet_ntoa(socket.inet_aton(parts.hostname))
    except ValueError:
        raise ForbiddenAddress("has a port that is none") from None
    except OSError:
        literal = parts.hostname
    try:
        ipaddress.ip_address(literal)
    except ValueError:
        return
    check_address(literal, allow_private=allow_private)
