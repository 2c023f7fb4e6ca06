"""Webhooks to shops: endpoints, fan-out of the outbox, signed delivery with retries, and its log."""
