"""Signing secrets at rest: sealed by the vault's envelope encryption, bound to their own endpoint. Called by this room.

:func:`rewrap_secrets` follows a change of the master key, as ``Vault.rewrap`` does for cards.
"""

import base64

import msgspec

from interlock.base.context import Scope
from interlock.storage.database import Database
from interlock.storage.queries import load_queries
from interlock.storage.writes import Committed, Update
from interlock.vault.envelope import Envelope, belonging, pack, unpack
from interlock.webhooks.outbound.types import WEBHOOK_ENDPOINTS, SealedSecret, WebhookEndpoint

_QUERIES = load_queries("interlock.webhooks.outbound")
_ROWS = 100


class SecretSeal:
    """Seals and opens the signing secrets of endpoints."""

    def __init__(self, envelope: Envelope) -> None:
        """Use the vault's ``envelope``."""
        self._envelope = envelope

    def seal(self, scope: Scope, endpoint_id: str, secret: str) -> str:
        """Return ``secret`` sealed for this endpoint alone, as text."""
        sealed = self._envelope.seal(secret.encode(), belonging(scope, endpoint_id))
        return base64.b64encode(pack(sealed)).decode()

    def open(self, scope: Scope, endpoint_id: str, sealed: str) -> str:
        """Return the secret.

        Raises:
            VaultError: its key is not on the ring, or it was altered or belongs to another endpoint.

        """
        return self._envelope.open(unpack(base64.b64decode(sealed)), belonging(scope, endpoint_id)).decode()

    def rewrapped(self, endpoint: WebhookEndpoint) -> WebhookEndpoint | None:
        """Return the next version of ``endpoint`` with every secret under the current key, None where all are."""
        unpacked = [unpack(base64.b64decode(secret.sealed)) for secret in endpoint.secrets]
        if all(sealed.key_id == self._envelope.current_key_id for sealed in unpacked):
            return None
        belongs_to = belonging(Scope(endpoint.account_id, endpoint.livemode), endpoint.id)
        secrets = tuple(
            SealedSecret(base64.b64encode(pack(self._envelope.rewrap(sealed, belongs_to))).decode(), secret.until_ms)
            for secret, sealed in zip(endpoint.secrets, unpacked, strict=True)
        )
        return msgspec.structs.replace(endpoint, version=endpoint.version + 1, secrets=secrets)


async def rewrap_secrets(database: Database, seal: SecretSeal) -> int:
    """Bring every stored secret under the current master key; return how many endpoints changed. Safe to repeat."""
    changed = 0
    account_id = endpoint_id = ""
    while True:
        rows = await database.fetch(_QUERIES["endpoints_after"], account_id, endpoint_id, _ROWS)
        for row in rows:
            endpoint = WEBHOOK_ENDPOINTS.decode(row)
            account_id, endpoint_id = endpoint.account_id, endpoint.id
            renewed = seal.rewrapped(endpoint)
            if renewed is not None:
                result = await database.commit([Update(WEBHOOK_ENDPOINTS, renewed)])
                changed += isinstance(result, Committed)
        if len(rows) < _ROWS:
            return changed
