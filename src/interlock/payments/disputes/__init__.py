"""Disputes: a cardholder's bank takes money back and the shop may answer with evidence."""
