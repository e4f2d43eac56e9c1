"""Makes scoreline_client/wire anew of openapi.json, or the folder that is named: `python client/python/generate.py`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "openapi.json"


def generate(folder: Path) -> None:
    """Write the generated package to the folder, in place of what is there. Raises CalledProcessError.

    Beside its code stands `patient.json`, what the document says of a patient's units, bounds and codes, which the code
    leaves out.
    """
    shutil.rmtree(folder, ignore_errors=True)
    tools = Path(sys.executable).parent
    subprocess.run(  # noqa: S603 - a program of the lock's
        [
            tools / "openapi-python-client",
            *("generate", "--path", DOCUMENT, "--config", HERE / "generator.yaml"),
            *("--meta", "none", "--fail-on-warning", "--output-path", folder),
        ],
        env=os.environ | {"PATH": os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)])},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    patient = json.loads(DOCUMENT.read_text())["components"]["schemas"]["Patient"]
    (folder / "patient.json").write_text(json.dumps(patient, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "scoreline_client" / "wire")
