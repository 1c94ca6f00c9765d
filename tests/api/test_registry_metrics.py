"""What /metrics tells of the registry, and the alerts that are shipped for it."""

import asyncio
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from admin_client import Admin
from product import Product
from registry_files import apply, file_text, files, registry

from quart_proxy.registry_watch import RegistryWatch

ROOT = Path(__file__).parents[2]
ALERTS = yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
LAST_APPLY = "quart_proxy_registry_last_apply_timestamp_seconds"


def named_in(rule: dict[str, Any]) -> set[str]:
    return set(re.findall(r"quart_proxy_\w+", rule["expr"]))


async def samples(product: Product) -> dict[str, float]:
    text = (await product.client.get(f"{product.base_url}/metrics")).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name.partition("{")[0]: float(value) for name, value in lines}


async def test_every_alert_is_about_a_number_that_is_there(product: Product) -> None:
    there = (await samples(product)).keys()
    assert {rule["alert"]: named_in(rule) - there for rule in RULES} == {rule["alert"]: set() for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_whole_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert named_in(rule)
    assert re.fullmatch(r"\d+[mhd]", rule["for"])
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"].keys() == {"summary", "action"}


async def test_every_number_of_the_registry_that_should_alarm_somebody_has_an_alert(product: Product) -> None:
    of_registry = {name for name in await samples(product) if name.startswith("quart_proxy_registry_")}
    in_alerts = {name for rule in RULES for name in named_in(rule)}
    assert {name for name in of_registry - in_alerts if not name.endswith("_timestamp_seconds")} == set()


async def test_the_time_of_the_last_apply_moves_also_when_nothing_changed(admin: Admin, product: Product) -> None:
    assert (await samples(product))[LAST_APPLY] == 0
    watch = product.app.extensions["quart_proxy.worker"].registry_watch
    assert isinstance(watch, RegistryWatch)

    async def told() -> float:
        watch.wake()
        applied_at = (await registry(admin, "/status"))["sources"][0]["applied_at"]
        wanted = datetime.fromisoformat(applied_at).timestamp()
        for _ in range(200):
            if (found := (await samples(product))[LAST_APPLY]) == wanted:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"{found}, not {wanted}")

    assert (await apply(admin, files(product)))["changed"]
    first = await told()
    assert not (await apply(admin, files(product)))["changed"]
    assert await told() > first


# --- pending ------------------------------------------------------------------------------------------


async def test_the_status_says_that_the_servers_own_files_wait_to_be_applied(admin: Admin, product: Product) -> None:
    own = Path(product.settings.models_file)
    assert (await registry(admin, "/status"))["pending"] == {"files_changed": None, "deferred": 0}
    own.write_text(file_text(product))
    assert (await registry(admin, "/status"))["pending"]["files_changed"] is True
    await apply(admin)
    assert (await registry(admin, "/status"))["pending"]["files_changed"] is False
    own.write_text(file_text(product, price="5.00"))
    assert (await registry(admin, "/status"))["pending"]["files_changed"] is True
