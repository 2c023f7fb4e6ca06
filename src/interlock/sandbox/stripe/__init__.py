"""A simulated Stripe: the API an integration needs to take card payments, with Stripe's test cards."""
