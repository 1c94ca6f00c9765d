"""The roof of one worker: makes the rooms, wires them, opens them at start and closes them in order at the end."""

import asyncio
import contextlib
import gc
import logging
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from quart import Quart

from quart_proxy.api import install_api
from quart_proxy.connection import Connection
from quart_proxy.core.errors import Conflict, InvalidFields, InvalidRegistry, MissingKey, PlanRefused, Unavailable
from quart_proxy.gateway import install_gateway
from quart_proxy.guard import RequestGuard
from quart_proxy.http import SERVICES, install_errors, render_error
from quart_proxy.http.paths import Paths
from quart_proxy.logs import configure_logging
from quart_proxy.metrics import Metrics
from quart_proxy.prepare import PREPARED, database_url, prepare_database
from quart_proxy.registry_watch import RegistryWatch
from quart_proxy.services.accounts import Accounts
from quart_proxy.services.admin_sessions import AdminSessions
from quart_proxy.services.admission import Admission
from quart_proxy.services.auth import Authenticator
from quart_proxy.services.billing import Settler
from quart_proxy.services.coherence import ChangeWatch
from quart_proxy.services.cooldown import Cooldowns
from quart_proxy.services.dead_letters import DeadLetters
from quart_proxy.services.dispatch import Dispatcher, new_request_id
from quart_proxy.services.exports import Exports
from quart_proxy.services.health import Health
from quart_proxy.services.in_flight import InFlightBoard
from quart_proxy.services.live_view import LiveView
from quart_proxy.services.provider_check import ProviderCheck
from quart_proxy.services.rates import Rates
from quart_proxy.services.readiness import Readiness
from quart_proxy.services.relay import RelayContext
from quart_proxy.services.relay_pool import RelayPool
from quart_proxy.services.routing import Router
from quart_proxy.services.sealing import KeyResolver, Sealer
from quart_proxy.services.spool import Spool
from quart_proxy.services.token_count import TokenCounter
from quart_proxy.settings import BODY_BYTES_MAX, BODY_TIMEOUT_S, Settings, load_secrets
from quart_proxy.store.database import Database
from quart_proxy.store.partitions import make_partitions
from quart_proxy.upstream.client import UpstreamClient
from registry.desk import Desk
from registry.secrets import FindReason, Sealed

logger = logging.getLogger(__name__)

PREPARE_PAUSE_S = 1.0
GC_THRESHOLD = 20_000
PARTITIONS_PAUSE_S = 6 * 3600
WORKER = "quart_proxy.worker"
DRAIN = "quart_proxy.drain"
"""Where the worker process left word of how it stops; not there under another server."""
DRAIN_S = 5.0
"""How long answers that nobody reads any more may be read to their usage when the process stops."""


class Worker:
    """Everything that one process keeps while it serves."""

    def __init__(self, settings: Settings, database_url: str, environment: Mapping[str, str]) -> None:
        secrets = load_secrets(settings)
        sealer = Sealer(secrets.encryption_keys)
        self.database = Database(database_url)
        self.metrics = Metrics()
        self.authenticator = Authenticator(self.database)
        self.sessions = AdminSessions(self.database, password=secrets.admin_password, jwt_secret=secrets.jwt_secret)
        resolver = KeyResolver(
            env_allow=settings.registry_env_allow,
            file_allow=settings.registry_file_allow,
            sealer=sealer,
            environment=environment,
        )
        self.router = Router(self.database, resolver)
        self.rates = Rates(redis_url=settings.redis_url, workers=settings.workers)
        self.admission = Admission(self.database, rates=self.rates, workers=settings.workers)
        self.settler = Settler(self.database, Spool(settings.data_dir / "spool"), self.admission.note_balance)
        self.client = UpstreamClient(allow_private=settings.allow_private_upstreams)
        self.pool = RelayPool()
        self.watch = ChangeWatch(self.database, self._forget_cached)
        self.readiness = Readiness(self.database, self.settler, self.watch)
        self.live = LiveView(self.database, InFlightBoard(self.database, self.pool, self.watch))
        desk = Desk(self.database, settings, reason_finder(resolver))
        health = Health(self.settler, in_flight=lambda: len(self.pool))
        self.registry_watch = RegistryWatch(self.database, settings, self.watch, self.metrics, desk, health)
        cooldowns = Cooldowns()
        context = RelayContext(self.client, self.settler, self.admission, self.metrics, health, cooldowns)
        dispatcher = Dispatcher(self.router, context, self.pool)
        rooms: list[object] = [
            settings,
            sealer,
            self.database,
            self.metrics,
            health,
            self.authenticator,
            self.sessions,
            self.router,
            self.admission,
            self.settler,
            self.pool,
            self.watch,
            cooldowns,
            self.readiness,
            self.live,
            dispatcher,
            TokenCounter(self.router, self.client),
            Accounts(self.database),
            DeadLetters(self.database, self.admission.expire),
            Exports(),
            ProviderCheck(self.database, self.client, resolver),
            desk,
        ]
        self.services = {type(room): room for room in rooms}
        self._settings = settings
        self._upkeep: asyncio.Task[None] | None = None
        self._followers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        # What is here now stays: the collector need not look at it again, nor look so often at requests, whose
        # objects go by themselves.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 20, 20)
        await self.client.start()
        self.settler.start()
        self._upkeep = asyncio.create_task(self._keep_up())

    def follow(self, drain: Any) -> None:
        """When the web server begins to leave, end the streams that have no end of their own; when its patience ends,
        cut the answers that still run, so that their last words are sent."""

        async def wait_and(act: Callable[[], None], event: asyncio.Event) -> None:
            await event.wait()
            act()

        for act, event in ((self.live.close, drain.begun), (self.pool.cut, drain.expired)):
            self._followers.append(asyncio.create_task(wait_and(act, event)))

    async def stop(self) -> None:
        """In this order: answers end, charges become durable, connections close."""
        await self.live.stop()
        await self.pool.drain(DRAIN_S)
        await self.registry_watch.stop()
        await self.watch.stop()
        for task in (self._upkeep, *self._followers):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self.settler.stop()
        await self.rates.close()
        await self.client.close()
        await self.database.close()

    def _forget_cached(self) -> None:
        self.authenticator.clear()
        self.sessions.clear()
        self.router.clear()
        self.admission.expire()
        self.registry_watch.wake()
        self.live.note_change(self.watch.version, self.watch.revision)

    async def _keep_up(self) -> None:
        """Prepare the database, however long it is away; then make partitions ahead, for ever."""
        while not os.environ.get(PREPARED):
            try:
                await asyncio.to_thread(prepare_database, self._settings, self.database.url)
                break
            except Unavailable:
                await asyncio.sleep(PREPARE_PAUSE_S)
            except (InvalidRegistry, PlanRefused, InvalidFields, Conflict):
                # The sync said why. Nothing is served until someone mends the files.
                await asyncio.sleep(PREPARE_PAUSE_S)
        # Not before: without its tables there is nothing to watch.
        self.watch.start()
        self.registry_watch.start()
        self.readiness.is_prepared = True
        while True:
            with contextlib.suppress(Unavailable):
                async with self.database.transaction() as connection:
                    await make_partitions(connection, datetime.now(UTC))
            await asyncio.sleep(PARTITIONS_PAUSE_S)


def reason_finder(resolver: KeyResolver) -> FindReason:
    """Tells why a reference leads to no key. The key itself stays in here."""

    def find(reference: str, url: str, sealed: Sealed | None) -> str | None:
        try:
            resolver.resolve(reference, url=url, sealed=sealed)
        except MissingKey as missing:
            return missing.reason
        return None

    return find


def create_app(settings: Settings | None = None, environment: Mapping[str, str] | None = None) -> Quart:
    """The web application. Nothing is opened before it is served; raises SettingsError for a bad environment.

    `environment` is where `${env:NAME}` references of providers lead; None is this process's own.
    """
    settings = settings or Settings.from_environment()
    configure_logging()
    app = Quart(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES_MAX
    app.config["BODY_TIMEOUT"] = BODY_TIMEOUT_S
    app.url_map.strict_slashes = False
    app.asgi_http_class = Connection
    install_errors(app)
    install_gateway(app)
    install_api(app)
    opened = contextlib.ExitStack()

    @app.before_serving
    async def start() -> None:
        url = await asyncio.to_thread(opened.enter_context, database_url(settings))
        worker = Worker(settings, url, os.environ if environment is None else environment)
        app.extensions[SERVICES] = worker.services
        app.extensions[WORKER] = worker
        await worker.start()

        if drain := app.extensions.get(DRAIN):
            worker.follow(drain)

    @app.after_serving
    async def stop() -> None:
        await app.extensions[WORKER].stop()
        await asyncio.to_thread(opened.close)

    asgi_app: Any = app.asgi_app
    guarded = RequestGuard(asgi_app, lambda error, path: render_error(error, path, new_request_id()))
    paths = Paths(map(str, app.url_map.iter_rules()))

    async def enter(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            app.extensions[DRAIN] = scope.get("state", {}).get("drain")
        else:
            scope = paths.straighten(scope)
        await guarded(scope, receive, send)

    app.asgi_app = enter  # type: ignore[method-assign]
    return app
