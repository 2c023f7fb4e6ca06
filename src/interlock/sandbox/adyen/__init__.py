"""A simulated Adyen Checkout v72: card payments, modifications and standard notifications."""
