"""``python -m interlock.sandbox stripe|adyen``: start one simulated gateway without the rest of Interlock."""

import argparse
from pathlib import Path

from interlock.sandbox.options import Options
from interlock.sandbox.run import run


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m interlock.sandbox", description=__doc__)
    parser.add_argument("provider", choices=["stripe", "adyen"])
    parser.add_argument("--host", default="127.0.0.1", help="loopback address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="file that receives the port once the gateway listens")
    parser.add_argument("--data-dir", type=Path, help="where the books are kept; in memory when absent")
    parser.add_argument("--seed", type=int, default=0, help="seed of the faults' random numbers")
    parser.add_argument("--specs", type=Path, help="folder with the providers' published specifications")
    parser.add_argument("--no-validate", action="store_true", help="do not check requests against specifications")
    parser.add_argument("--webhook-url", default="", help="where signed webhooks go")
    parser.add_argument("--webhook-secret", default="", help="whsec_… for Stripe, hex HMAC key for Adyen")
    parser.add_argument("--webhook-events", default="", help="comma-separated types; all when absent")
    parser.add_argument("--webhook-delay-ms", type=int, default=50, help="how long after the event")
    parser.add_argument("--modification-delay-ms", type=int, default=50, help="how long Adyen takes to carry out")
    parser.add_argument("--detached", action="store_true", help="go on living when the parent process ends")
    given = parser.parse_args()
    options = Options(
        provider=given.provider,
        host=given.host,
        port=given.port,
        port_file=given.port_file,
        data_dir=given.data_dir,
        seed=given.seed,
        specs=given.specs,
        validate=not given.no_validate,
        webhook_url=given.webhook_url,
        webhook_secret=given.webhook_secret,
        webhook_events=tuple(name for name in given.webhook_events.split(",") if name),
        webhook_delay_ms=given.webhook_delay_ms,
        modification_delay_ms=given.modification_delay_ms,
        die_with_parent=not given.detached,
    )
    try:
        run(options)
    except (ValueError, OSError) as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
