"""Gateway credentials at rest: a JSON object sealed by the vault's envelope, bound to its gateway, account and mode."""

import msgspec

from interlock.base.context import Scope
from interlock.base.errors import VaultError
from interlock.routing.types import Gateway
from interlock.vault.envelope import Envelope, belonging, pack, unpack

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str]).decode


def seal_credentials(
    envelope: Envelope, scope: Scope, gateway_id: str, credentials: dict[str, str]
) -> tuple[bytes, str]:
    """Return the sealed credentials and the id of the master key they are wrapped by."""
    sealed = envelope.seal(_encode(credentials), belonging(scope, gateway_id))
    return pack(sealed), sealed.key_id


def open_credentials(envelope: Envelope, gateway: Gateway) -> dict[str, str]:
    """Return a gateway's credentials in clear.

    Raises:
        VaultError: they cannot be opened with the keys at hand, or were altered.

    """
    plain = envelope.open(unpack(gateway.sealed_credentials), _belongs(gateway))
    try:
        return _decode(plain)
    except msgspec.MsgspecError:
        raise VaultError(f"credentials of gateway {gateway.id} cannot be read") from None


def rewrapped(envelope: Envelope, gateway: Gateway) -> Gateway:
    """Return the next version of ``gateway`` with its credentials wrapped by the current master key."""
    sealed = envelope.rewrap(unpack(gateway.sealed_credentials), _belongs(gateway))
    return msgspec.structs.replace(
        gateway, version=gateway.version + 1, sealed_credentials=pack(sealed), credentials_key_id=sealed.key_id
    )


def _belongs(gateway: Gateway) -> bytes:
    return belonging(Scope(gateway.account_id, gateway.livemode), gateway.id)
