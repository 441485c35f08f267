"""How many requests the gateway's stand-in takes at most: no sender can do more against it."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.bench.baselines import CONNECTIONS, run_apart
from tests.bench.mailing_run import TEXT

# A number stands for every message's own; the rest of the body is always the same.
WRK_SCRIPT = """
local tail = %s
local counter = 0
request = function()
  counter = counter + 1
  return wrk.format("POST", "/v1/send/" .. counter,
    {["Authorization"] = "Bearer sandbox", ["Content-Type"] = "application/json"},
    '{"id":' .. counter .. tail)
end
"""


def gateway_ceiling(url: str, *, seconds: float) -> tuple[str, float]:
    """What it was measured with, and requests per second."""
    if shutil.which("wrk"):
        return "gateway's ceiling (wrk)", _wrk(url, seconds=seconds)
    # Python may well be slower than the gateway: then the true ceiling is higher.
    least = run_apart("raw_sockets", url, seconds=seconds)
    return "gateway, at least (no wrk: own loop)", least.per_second


def _wrk(url: str, *, seconds: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "send.lua"
        script.write_text(WRK_SCRIPT % _lua_text(body_after_id()))
        done = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s",
             "-s", str(script), url],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert "Non-2xx" not in done.stdout, done.stdout
    line = next(each for each in done.stdout.splitlines() if each.startswith("Requests/sec"))
    return float(line.split(":")[1])


def body_after_id() -> str:
    """The rest of a message's JSON, as Notifier sends it."""
    return f',"phone":79991234567,"text":{json.dumps(TEXT, ensure_ascii=False)}}}'


def _lua_text(text: str) -> str:
    return f"[==[{text}]==]"
