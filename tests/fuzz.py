"""Holds the OpenAPI document against a whole real service that asks for keys: `python -m tests.fuzz`, as `make fuzz`.

Schemathesis makes requests that the document allows, that it forbids, and such as follow from earlier answers, and
checks each answer against it. tests/schemathesis.toml has what is checked.
"""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.local.programs import ROOT, running, service, valkey
from core.ledger.key import make_key

THOROUGHLY = ["--max-examples=1300", "--workers=2"]


def fuzz(url: str, key: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Hold the service against its document, with the folder for notes; the process returned is one that has ended.

    Requests show the key, unless they are to show that nothing goes without.
    """
    command = [sys.executable, "-m", "schemathesis.cli", f"--config-file={ROOT / 'tests' / 'schemathesis.toml'}"]
    login = ["--header", f"Authorization: Bearer {key}"]
    asked = [*command, "run", f"{url}/openapi.json", *login, *options]
    return subprocess.run(asked, cwd=folder, stdout=subprocess.PIPE, text=True, timeout=7200)


def main() -> int:
    """Do so thoroughly, print what was found, and return the exit code: 1 for any failure."""
    key = make_key()[2]
    with TemporaryDirectory() as kept, ExitStack() as stack:
        folder = Path(kept)
        variables = {
            "SCORELINE_REDIS_URL": stack.enter_context(valkey(folder / "valkey")),
            "SCORELINE_STORE": f"file://{folder}/store",
            "SCORELINE_VAR": str(folder),
            "SCORELINE_API_KEYS": "required",
            "SCORELINE_API_KEY": key,
            "SCORELINE_WAIT_LIMIT_S": "1",
            "SCORELINE_WORKER_PROCESSES": "1",
            "SCORELINE_BULK_PROCESSES": "1",
        }
        bulk = ("run", "--queue", "bulk")
        stack.enter_context(running("worker", *bulk, log=folder / "bulk.log", **variables))
        url = stack.enter_context(service(folder, **variables))
        done = fuzz(url, key, folder, *(sys.argv[1:] or THOROUGHLY))
        print(done.stdout)
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
