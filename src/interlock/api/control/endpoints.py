"""The whole control API as one table. Called by the application and the document."""

from interlock.api.control.calls import ControlEndpoint
from interlock.api.control.routes import evidence, gateways, journal, releases, steps

ENDPOINTS: tuple[ControlEndpoint, ...] = (
    *releases.ENDPOINTS,
    *evidence.ENDPOINTS,
    *steps.ENDPOINTS,
    *gateways.ENDPOINTS,
    *journal.ENDPOINTS,
)
