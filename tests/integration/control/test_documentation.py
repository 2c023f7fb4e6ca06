"""The page on the control API: its commands are run as they stand, in order, and it tells what there is."""

import asyncio
import os
import re
from pathlib import Path

from tests.integration.control.conftest import Control
from tests.support.release_verbs import copied_connector

from interlock.api.control.application import LIMITS
from interlock.api.control.endpoints import ENDPOINTS
from interlock.api.control.parameters import LIMIT_MAX, CanaryPlan
from interlock.releases.examinations import OPEN_MAX

PAGE = (Path(__file__).parents[3] / "docs" / "control_api.md").read_text(encoding="utf-8")


async def test_every_command_of_the_page_does_what_it_says(control: Control, tmp_path: Path) -> None:
    copied_connector(tmp_path / "integrations")
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 7
    # A refusal ends the script, as it would end a careful tool's.
    script = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@" && echo; }\n' + "\n".join(blocks)
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", script),
        cwd=tmp_path,
        env={**os.environ, "CONTROL": f"{control.api.url}/control/v1", "TOKEN": control.tokens["ann"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, said.decode()[-2_000:]
    actions = [entry["action"] for entry in reversed((await control.get("/journal?limit=100"))["data"])]
    assert [action for action in actions if action.startswith(("release.", "canary.", "payments."))] == [
        *("release.proposed", "release.forced", "canary.started", "release.rolled_back"),
        *("payments.refused", "payments.accepted"),
    ]


def test_every_endpoint_and_limit_stands_on_the_page() -> None:
    text = PAGE.replace("$CONTROL", "").replace("$RELEASE", "{id}").replace("$REFUSAL", "{id}")
    text = text.replace('os.environ["CONTROL"] + "', "")
    for endpoint in ENDPOINTS:
        path = endpoint.path.removeprefix("/control/v1").replace("{gate}", "lint")
        shown = (path, path.replace("/releases/{id}", "…"), path.replace("/gateways/{id}", "/gateways/stripe"))
        assert any(one in text for one in shown), endpoint.path
    for told in (
        f"at most {LIMITS.in_flight} requests",
        f"{LIMITS.failed_keys_burst:g}, then one a second",
        f"{LIMITS.burst:g}, then ten a second",
        f"more than {LIMITS.body_bytes >> 20} MiB",
        f"{LIMIT_MAX} at most",
        f"at most {OPEN_MAX} wait",
        *(f"`{name}`" for name in CanaryPlan.__struct_fields__),
    ):
        assert told in PAGE, told
    assert (LIMITS.failed_keys_per_s, LIMITS.requests_per_s) == (1, 10)
