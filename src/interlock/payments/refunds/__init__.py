"""Refunds: giving captured money back."""
