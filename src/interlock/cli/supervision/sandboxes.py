"""Speaking to the simulated gateways' control API over HTTP; called by ``up`` and ``sandbox``."""

from collections.abc import Mapping

import aiohttp
import msgspec

from interlock.cli.output import ExitCode, RefusedError

_TIMEOUT = aiohttp.ClientTimeout(total=10)


async def control(method: str, url: str, body: Mapping[str, object] | None = None) -> bytes:
    """Return the answer of a simulated gateway's control API.

    Args:
        method: the HTTP method.
        url: the full address, ``http://127.0.0.1:PORT/_sandbox/…``.
        body: sent as JSON.

    Raises:
        RefusedError: the gateway is not there, or does not accept the request.

    """
    data = None if body is None else msgspec.json.encode(body)
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.request(method, url, data=data, headers={"content-type": "application/json"}) as response,
        ):
            answer = await response.read()
            if response.status >= 400:
                raise RefusedError("sandbox", _why(answer, response.status), "see `interlock sandbox --help`")
            return answer
    except (aiohttp.ClientError, TimeoutError, OSError):
        raise RefusedError(
            "sandbox", f"nothing answers at {url}", "start it with `interlock up`", ExitCode.UNREACHABLE
        ) from None


def _why(answer: bytes, status: int) -> str:
    try:
        return str(msgspec.json.decode(answer)["error"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return f"answered {status}"
