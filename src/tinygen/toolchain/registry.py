"""Whether PlatformIO's package registry can be reached: asked once, answered within three seconds."""

from __future__ import annotations

import json
import os
import threading
import urllib.request
from functools import cache

PROBE_S = 2.5
OVERRIDE = "TINYGEN_OFFLINE"


def is_offline(forced: bool | None = None) -> bool:
    """True when builds must do with what is on this machine.

    Args:
        forced: the caller's decision; None looks at TINYGEN_OFFLINE ("1" or "0"), then asks the registry.
    """
    if forced is not None:
        return forced
    word = os.environ.get(OVERRIDE, "").strip().lower()
    if word:
        return word not in ("0", "no", "false")
    return not reachable()


@cache
def reachable() -> bool:
    """Ask PlatformIO's first registry mirror for the one package every build needs; remembered for this process.

    One attempt, cut off after PROBE_S seconds even while a name is being resolved. The host is PlatformIO's own
    constant, so a changed or mirrored PlatformIO is followed. Proxies of the environment are honoured.
    """
    url = _probe_url()
    if not url:
        return False
    answers: list[bool] = []
    worker = threading.Thread(target=lambda: answers.append(_answers(url)), daemon=True)
    worker.start()
    worker.join(PROBE_S)
    return bool(answers and answers[0])


def _probe_url() -> str:
    """The address PlatformIO would ask about SCons; "" when PlatformIO is absent or keeps its hosts elsewhere."""
    try:
        import platformio
    except ImportError:
        return ""
    hosts = getattr(platformio, "__registry_mirror_hosts__", None) or []
    return f"https://api.{hosts[0]}/v3/packages/platformio/tool/tool-scons" if hosts else ""


def _answers(url: str) -> bool:
    """True for a JSON answer about the package: a captive portal or a refusing proxy does not count."""
    try:
        with urllib.request.urlopen(url, timeout=PROBE_S) as response:
            return bool(response.status == 200 and json.load(response).get("name") == "tool-scons")
    except (OSError, ValueError, AttributeError):
        return False
