"""Vault: the only room that keeps card numbers. Seals them, opens them for a gateway call, and knows card networks.

Called by ``payments.instruments`` (seal, open), ``routing`` (envelope for gateway credentials), ``cli`` and ``worker``
(key rotation). A card number leaves only as :class:`interlock.vault.types.Card`, on its way to the wire. Security codes
are never stored, and an opened card is never cached.
"""
