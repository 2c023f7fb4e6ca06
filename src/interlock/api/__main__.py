"""``python -m interlock.api``: an API process, with settings from the environment. Started by ``interlock up``."""

import gc

from interlock import bootstrap
from interlock.api.application import ASGIApp
from interlock.api.control.application import with_control
from interlock.api.factory import create_app
from interlock.api.limits import Limits
from interlock.api.routes.challenges import with_challenges
from interlock.api.routes.gateway_webhooks import with_gateway_webhooks
from interlock.api.server import Server, listen
from interlock.api.services import Rooms, Services
from interlock.base.errors import ConfigurationError
from interlock.base.processes import run_process
from interlock.base.settings import Settings

_CUT_OFF_AFTER_MS = 10_000
# A request leaves no cycles (a test holds it to that), so hundreds of them in flight are nothing to look through.
_GC_THRESHOLDS = (150_000, 20, 50)


def make_services(rooms: bootstrap.Rooms) -> Services:
    """Return what the API needs of the rest."""
    foundation = rooms.foundation

    async def ready() -> bool:
        return foundation.table.age_ms() < _CUT_OFF_AFTER_MS and await foundation.database.fetchval("SELECT 1") == 1

    return Services(
        authenticate=rooms.authenticator.find,
        idempotency=rooms.idempotency,
        fingerprint_secret=foundation.fingerprint_secret,
        ready=ready,
        rooms=Rooms(
            clock=foundation.clock,
            database=foundation.database,
            intents=rooms.intents,
            follow_ons=rooms.follow_ons,
            setup_intents=rooms.setup_intents,
            charges=rooms.charges,
            refunds=rooms.refunds,
            disputes=rooms.disputes,
            customers=rooms.customers,
            fundings=rooms.fundings,
            sources=rooms.sources,
            payment_methods=rooms.payment_methods,
            tokens=rooms.tokens,
            confirmation_tokens=rooms.confirmation_tokens,
            mandates=rooms.mandates,
            sessions=rooms.sessions,
            payment_pages=rooms.payment_pages,
            products=rooms.products,
            prices=rooms.prices,
            ledger=rooms.ledger,
            attempts=rooms.attempts,
            events=rooms.events,
            webhook_endpoints=rooms.webhook_endpoints,
            files=rooms.files,
            find_account=rooms.access.get_account,
            checkout_base_url=rooms.checkout_page_url,
        ),
    )


def make_application(rooms: bootstrap.Rooms, settings: Settings) -> ASGIApp:
    """Return the API with the shoppers' challenge pages, the gateways' webhook addresses and the control API beside."""
    limits = Limits(
        body_bytes=settings.body_limit_bytes,
        body_deadline_s=settings.request_read_timeout_ms / 1000,
        header_bytes=settings.header_limit_bytes,
        in_flight=settings.max_in_flight,
        requests_per_s=settings.rate_limit_per_s,
        burst=settings.rate_limit_burst,
    )
    api = create_app(make_services(rooms), limits)
    beside = with_gateway_webhooks(with_challenges(api, rooms.challenges), rooms.inbound)
    return with_control(beside, rooms.control)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM."""
    url = bootstrap.known_database_url(settings)
    if url is None:
        raise ConfigurationError(
            "database_url", "is not set and no embedded Postgres runs", "start with `interlock up`"
        )
    with listen(settings) as sock:
        async with bootstrap.open_rooms(settings, url, serves=True) as rooms:
            server = Server(make_application(rooms, settings), settings)
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_GC_THRESHOLDS)
            await server.serve(sockets=[sock])


def main() -> None:
    """Run the process."""
    run_process("api", serve)


if __name__ == "__main__":
    main()
