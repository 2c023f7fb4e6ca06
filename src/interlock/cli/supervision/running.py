"""The running switch: it picks ports, starts database, gateways, API and worker in order, and stops them in reverse."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from interlock import bootstrap
from interlock.base.settings import Settings
from interlock.cli.supervision.ports import Ports
from interlock.cli.supervision.quickstart import Quickstart, QuickstartGateway, read_quickstart, write_quickstart
from interlock.cli.supervision.sandboxes import control
from interlock.cli.supervision.screen import Screen
from interlock.cli.supervision.shop import KnownKeys, Shop, prepare_shop
from interlock.cli.supervision.supervisor import ChildSpec, LogPolicy, Supervisor
from interlock.storage.migrations import migrate
from interlock.vault.keys import load_keys

_READY_WITHIN_S = 60.0
_LOOPBACK = "127.0.0.1"
_PORT_NAMES = {"api": "api_port", "stripe": "sandbox_stripe_port", "adyen": "sandbox_adyen_port"}
SANDBOXES = ("stripe", "adyen")


def choose_ports(ports: Ports, settings: Settings, earlier: Mapping[str, int], screen: Screen) -> dict[str, int]:
    """Keep a port for each server: what is set, else that of the last run, else another, and say so; return them."""
    chosen: dict[str, int] = {}
    for name, setting in _PORT_NAMES.items():
        is_set = setting in settings.model_fields_set
        wanted = int(getattr(settings, setting)) if is_set else earlier.get(name, int(getattr(settings, setting)))
        host = settings.api_host if name == "api" else _LOOPBACK
        chosen[name] = ports.choose(host, wanted)
        if chosen[name] != wanted:
            screen.notice(f"port {wanted} is taken: {name} listens on {chosen[name]} instead ({setting} sets another)")
    return chosen


class Switch:
    """Everything `interlock up` runs."""

    def __init__(self, settings: Settings, screen: Screen, hook: str | None = None) -> None:
        """Prepare; nothing is started before :meth:`start`. ``hook`` is where the shop wants its events."""
        self._settings = settings
        self._hook = hook
        self._screen = screen
        self._data_dir = settings.data_dir.absolute()
        self._logs = LogPolicy(self._data_dir / "logs", settings.log_file_bytes, settings.log_files_kept)
        self._stack = AsyncExitStack()
        self._ports = Ports()
        self._stack.callback(self._ports.release)
        self._supervisors: list[Supervisor] = []

    async def start(self) -> Quickstart:
        """Start everything and return what clients need; :meth:`stop` undoes what was started, however far it came."""
        earlier = read_quickstart(self._data_dir)
        chosen = choose_ports(self._ports, self._settings, {} if earlier is None else earlier.ports, self._screen)
        settings = self._settings.model_copy(
            update={
                "data_dir": self._data_dir,
                "api_port": chosen["api"],
                "sandbox_stripe_port": chosen["stripe"],
                "sandbox_adyen_port": chosen["adyen"],
            }
        )
        gateways = self._supervisor({})
        for name in SANDBOXES:
            await gateways.start(self._sandbox(name, chosen[name]))
        url = await self._database(settings)
        shop = await self._prepare(settings, url, earlier)
        await self._processes(self._supervisor(bootstrap.child_environment(settings, url)), settings)
        with self._screen.step("gateways", f"sandboxes of {' and '.join(SANDBOXES)}"):
            for name in SANDBOXES:
                await gateways.wait_ready(f"sandbox-{name}", within_s=_READY_WITHIN_S)
            for gateway in shop.gateways:
                hook = {"url": gateway.webhook_url, "secret": gateway.webhook_secret, "events": gateway.webhook_events}
                await control("POST", f"{gateway.address}/_sandbox/webhooks", hook)
        quickstart = _quickstart(settings, shop, chosen)
        file = write_quickstart(self._data_dir, quickstart)
        self._screen.ready(quickstart, file, self._logs.folder)
        return quickstart

    async def stop(self) -> None:
        """Stop everything: API and worker first, then the gateways, the database last."""
        await self._stack.aclose()

    def hurry(self) -> None:
        """Kill what has not ended yet: nobody wants to wait."""
        for supervisor in self._supervisors:
            supervisor.kill()

    def _supervisor(self, environment: Mapping[str, str]) -> Supervisor:
        supervisor = Supervisor(environment, self._logs, self._screen.notice)
        self._supervisors.append(supervisor)
        self._stack.push_async_callback(supervisor.stop)
        return supervisor

    async def _database(self, settings: Settings) -> str:
        own = settings.database_url is not None
        doing = "your database (INTERLOCK_DATABASE_URL)" if own else "embedded Postgres"
        with self._screen.step("database", doing) as done:
            url = await self._stack.enter_async_context(bootstrap.database_url(settings))
            applied = await migrate(url)
            done.append(f"{doing}, {f'{len(applied)} migrations applied' if applied else 'schema up to date'}")
        return url

    async def _prepare(self, settings: Settings, url: str, earlier: Quickstart | None) -> Shop:
        with self._screen.step("account", "keys, gateways and webhook secret"):
            if settings.vault_keys is None:
                load_keys(None, settings.key_file(), create=True)
            known = None if earlier is None else KnownKeys(earlier.secret_key, earlier.publishable_key)
            sandboxes = {
                "stripe": f"http://{_LOOPBACK}:{settings.sandbox_stripe_port}",
                "adyen": f"http://{_LOOPBACK}:{settings.sandbox_adyen_port}",
            }
            async with bootstrap.open_rooms(settings, url, pool_size=2) as rooms:
                return await prepare_shop(rooms, settings.base_url(), sandboxes, known, self._hook)

    async def _processes(self, switch: Supervisor, settings: Settings) -> None:
        with self._screen.step("processes", "API and worker"):
            await switch.start(ChildSpec(name="worker", module="interlock.worker"))
            names = ["api"] if settings.api_processes == 1 else [f"api-{n + 1}" for n in range(settings.api_processes)]
            for name in names:
                api = ChildSpec(
                    name=name,
                    module="interlock.api",
                    host=settings.api_host,
                    port=settings.api_port,
                    ready_path="/readyz",
                )
                await switch.start(api)
            for name in names:
                await switch.wait_ready(name, within_s=_READY_WITHIN_S)

    def _sandbox(self, name: str, port: int) -> ChildSpec:
        folder = self._data_dir / f"sandbox-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--port", str(port), "--data-dir", str(folder), "--detached"]
        specs = _specs_folder()
        return ChildSpec(
            name=f"sandbox-{name}",
            module="interlock.sandbox",
            arguments=(name, *options, *(() if specs is None else ("--specs", str(specs)))),
            port=port,
            ready_path="/_sandbox/health",
        )


class FixtureSwitch:
    """The stateless API that answers from a fixture file; it needs no database and keeps nothing."""

    def __init__(self, settings: Settings, screen: Screen, file: Path) -> None:
        """Prepare to serve ``file``."""
        self._settings = settings
        self._screen = screen
        self._file = file
        folder = settings.data_dir.absolute() / "logs"
        logs = LogPolicy(folder, settings.log_file_bytes, settings.log_files_kept)
        self._supervisor = Supervisor({}, logs, screen.notice)
        self._ports = Ports()

    async def start(self) -> None:
        """Start it."""
        host = self._settings.api_host
        port = self._ports.choose(host, self._settings.api_port)
        if port != self._settings.api_port:
            self._screen.notice(f"port {self._settings.api_port} is taken: the API listens on {port} instead")
        document = sorted(self._file.parent.glob("stripe_openapi_*.json"))
        checking = ("--openapi", str(document[-1])) if document else ()
        arguments = ("--file", str(self._file), "--host", host, "--port", str(port), *checking)
        spec = ChildSpec(name="fixtures", module="interlock.api.fixtures", arguments=arguments, host=host, port=port)
        with self._screen.step("fixtures", f"answering from {self._file}"):
            await self._supervisor.start(msgspec.structs.replace(spec, ready_path="/healthz"))
            await self._supervisor.wait_ready("fixtures", within_s=_READY_WITHIN_S)
        checked = "requests are checked" if checking else "no stripe_openapi_*.json beside the file: nothing is checked"
        self._screen.notice(f"stateless API at http://{host}:{port}: any test key, nothing is kept ({checked})")

    async def stop(self) -> None:
        """Stop it."""
        await self._supervisor.stop()
        self._ports.release()

    def hurry(self) -> None:
        """Kill it."""
        self._supervisor.kill()


def _specs_folder() -> Path | None:
    """Return the providers' published specifications where they lie beside a checkout; a wheel goes without."""
    for parent in (Path.cwd(), *Path.cwd().parents):
        if (parent / "shared" / "specs").is_dir():
            return parent / "shared" / "specs"
    return None


def _quickstart(settings: Settings, shop: Shop, chosen: Mapping[str, int]) -> Quickstart:
    gateways = [QuickstartGateway(id=each.id, name=each.name, url=each.address) for each in shop.gateways]
    return Quickstart(
        api_url=settings.base_url(),
        secret_key=shop.secret_key,
        publishable_key=shop.publishable_key,
        webhook_secret=shop.webhook_secret,
        gateways=gateways,
        ports=dict(chosen),
    )
