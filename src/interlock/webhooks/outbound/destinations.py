"""Where a delivery may go: the guard against a shop's URL reaching into our own network. Pure.

Called when an endpoint is created or changed (:func:`check_url`) and again for every address a delivery would connect
to (:func:`address_allowed`), because a name can resolve to something else tomorrow.

Live mode: https to public addresses only. Test mode: http too, and private addresses such as localhost unless the
operator forbids it, so that a developer's laptop works; link-local ones, where clouds keep their metadata, never.
Networks that the operator names are allowed in both modes.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import msgspec

from interlock.base.problems import Problem, invalid

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

MAX_URL = 2048


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator allows: private addresses in test mode, and ``networks`` in both modes."""

    private_in_test: bool = True
    networks: tuple[Network, ...] = ()


_NAT64 = ip_network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFF_FFFF


def _plain(address: Address) -> Address:
    """Return the IPv4 address an IPv6 address only wraps, so that a private one cannot hide inside."""
    if not isinstance(address, IPv6Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return IPv4Address(int(address) & _LOW_32_BITS)
    return address


def address_allowed(address: Address, policy: Policy, *, livemode: bool) -> bool:
    """Return True when a delivery may connect to ``address``."""
    bare = _plain(address)
    if any(bare in network for network in policy.networks if network.version == bare.version):
        return True
    if bare.is_multicast or bare.is_link_local or bare.is_unspecified:
        return False
    if bare.is_loopback or bare.is_private:
        return policy.private_in_test and not livemode
    return bare.is_global


def literal_address(host: str) -> Address | None:
    """Return the address that ``host`` spells, or None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _refused(reason: str) -> Problem:
    return invalid(f"Invalid URL: {reason}", code="url_invalid", param="url")


def _split(url: str) -> SplitResult | None:
    """Return the parts of ``url``, or None when it is no URL with a usable host and port."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it raises for a port that is no number
    except ValueError:
        return None
    return parts if parts.hostname else None


def check_url(url: str, policy: Policy, *, livemode: bool) -> Problem | None:
    """Return why ``url`` cannot be an endpoint, or None."""
    if len(url) > MAX_URL or any(character <= " " or character == "\x7f" for character in url):
        return _refused(f"It must be at most {MAX_URL} characters without spaces.")
    if "://" not in url:
        return _refused("An explicit scheme (such as https) must be provided.")
    parts = _split(url)
    if parts is None or parts.hostname is None:
        return _refused("It must be a valid URL with a host.")
    if parts.scheme != "https" and (livemode or parts.scheme != "http"):
        return _refused("URL must be HTTPS in live mode." if livemode else "The scheme must be https or http.")
    if parts.username is not None or parts.password is not None:
        return _refused("It must not contain a user name or password; verify the signature instead.")
    return _check_host(parts.hostname, policy, livemode=livemode)


def _check_host(host: str, policy: Policy, *, livemode: bool) -> Problem | None:
    address = literal_address(host)
    if address is not None:
        if address_allowed(address, policy, livemode=livemode):
            return None
        return _refused("URL must be publicly accessible.")
    if livemode and not policy.networks and (host == "localhost" or host.endswith(".localhost") or "." not in host):
        return _refused("URL must be publicly accessible.")
    return None
