"""`quart-proxy serve`: prepares the database, then lets the supervisor run the workers."""

from pathlib import Path

import click

from quart_proxy.commands.running import data_dir_option, json_option, print_json, reachable_database, read_settings
from quart_proxy.commands.verbs import Misuse, example
from quart_proxy.core.errors import Unavailable
from quart_proxy.logs import configure_logging
from quart_proxy.prepare import PREPARED, prepare_database
from quart_proxy.settings import EMBEDDED, GRACE_S, Settings, load_secrets
from quart_proxy.supervisor import AddressError, parse_bind, run_supervisor

WORKERS_MAX = 256
CONFIG_FILE = Path("hypercorn.toml")


@click.command(epilog=example("quart-proxy serve --workers 4 --bind 0.0.0.0:3000"))
@click.option(
    "--workers", type=click.IntRange(1, WORKERS_MAX), default=1, show_default=True, help="Processes; one per core."
)
@click.option("--bind", metavar="HOST:PORT", help="Where to listen [default: 127.0.0.1 and PORT, or 3000].")
@data_dir_option
@json_option
def serve(workers: int, bind: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Serve the API and the admin page until told to stop.

    Without DATABASE_URL an embedded PostgreSQL is started. The database is migrated and models.yaml is read before
    the first request is taken. SIGTERM lets running answers finish; SIGHUP renews the workers one by one.
    """
    settings = read_settings(data_dir)
    bind = bind or f"127.0.0.1:{settings.port}"
    try:
        parse_bind(bind)
    except AddressError as error:
        raise Misuse(str(error)) from None
    password_file = settings.data_dir / "admin_password"
    is_new = settings.admin_password is None and not password_file.exists()
    secrets = load_secrets(settings)
    configure_logging()

    def announce(url: str) -> None:
        if as_json:
            print_json({"url": url, "workers": workers, "data_dir": str(settings.data_dir)})
            return
        if is_new:
            sign_in = f"{secrets.admin_password}   (printed this once; kept in {password_file})"
        elif secrets.password_is_generated:
            sign_in = f"the one in {password_file}"
        else:
            sign_in = "ADMIN_PASSWORD"
        click.echo(_welcome(url, sign_in, workers, settings), err=True)

    with reachable_database(settings) as url:
        exit_code = run_supervisor(
            bind=bind,
            workers=workers,
            app="quart_proxy.app:app",
            config_file=CONFIG_FILE if CONFIG_FILE.is_file() else None,
            grace_s=GRACE_S,
            env={
                "DATABASE_URL": url,
                EMBEDDED: str(settings.database_is_embedded).lower(),
                "DATA_DIR": str(settings.data_dir),
                "PROMETHEUS_MULTIPROC_DIR": str(_empty_metrics(settings.data_dir)),
                **_prepare(settings, url),
            },
            on_ready=announce,
        )
    raise SystemExit(exit_code)


def _prepare(settings: Settings, url: str) -> dict[str, str]:
    """Prepare the database once for all workers. When it is away they start anyway, and prepare it when it is back."""
    try:
        prepare_database(settings, url)
    except Unavailable as error:
        click.echo(f"{error.message} Requests are refused until it is back.", err=True)
        return {}
    return {PREPARED: "1"}


def _empty_metrics(data_dir: Path) -> Path:
    """The folder in which workers add up their counts; those of the last run are gone."""
    folder = data_dir / "metrics"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink(missing_ok=True)
    return folder


def _welcome(url: str, sign_in: str, workers: int, settings: Settings) -> str:
    database = "embedded PostgreSQL" if settings.database_url is None else "DATABASE_URL"
    return "\n".join(
        (
            "",
            f"  quart-proxy serves on  {url}",
            f"  front page             {url}/",
            f"  admin password         {sign_in}",
            f"  for clients            {url}/v1  (OpenAI)   {url}  (Anthropic)",
            f"  running on             {workers} worker{'s' if workers > 1 else ''}, {database}, {settings.data_dir}",
            "",
        )
    )
