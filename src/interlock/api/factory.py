"""The factory of the API application. Called by ``python -m interlock.api`` and by tests."""

from functools import cache

from interlock.api.application import Application, ASGIApp
from interlock.api.endpoints import ENDPOINTS
from interlock.api.expansion import Expander
from interlock.api.limits import Limits
from interlock.api.loaders import included, loaders
from interlock.api.openapi import document
from interlock.api.routes import absent
from interlock.api.services import Services

_DEFAULT_LIMITS = Limits()


@cache
def _document() -> bytes:
    return document(ENDPOINTS)


def create_app(services: Services, limits: Limits = _DEFAULT_LIMITS) -> ASGIApp:
    """Return the API as an ASGI application.

    Args:
        services: the use cases.
        limits: how much clients may ask for.

    """
    expander = Expander(loaders(services.rooms), included(services.rooms))
    return Application(services, ENDPOINTS, limits, expander, _document, absent.ENDPOINTS)
