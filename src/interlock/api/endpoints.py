"""The whole API as one table, put together from ``api.routes``. Called by the application factory and the document."""

from interlock.api.router import Endpoint
from interlock.api.routes import (
    account,
    catalogue,
    charges,
    checkout,
    customers,
    disputes,
    events,
    files,
    payment_intents,
    payment_methods,
    setup_intents,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *payment_intents.ENDPOINTS,
    *payment_methods.ENDPOINTS,
    *customers.ENDPOINTS,
    *charges.ENDPOINTS,
    *setup_intents.ENDPOINTS,
    *disputes.ENDPOINTS,
    *checkout.ENDPOINTS,
    *catalogue.ENDPOINTS,
    *account.ENDPOINTS,
    *events.ENDPOINTS,
    *files.ENDPOINTS,
)
