"""The code of another commit, beside the one that is tested: it runs in the same environment."""

import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from bench.local.programs import ROOT, start_in, stop


def is_known(revision: str) -> bool:
    """Whether this is a checkout whose history has the commit; a source archive has none."""
    asked = ["git", "cat-file", "-e", f"{revision}^{{commit}}"]
    try:
        return subprocess.run(asked, cwd=ROOT, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def check_out(revision: str, folder: Path) -> Path:
    """Put the files of a commit into a new folder, and return it. Raises CalledProcessError for an unknown one."""
    packed = subprocess.run(["git", "archive", "--format=tar", revision], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@contextmanager
def running_in(
    root: Path, module: str, *arguments: str, log: Path, variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m module` of the checkout in the folder `root` until the block is left."""
    process = start_in(root, (sys.executable, "-m", module, *arguments), log, variables)
    try:
        yield process
    finally:
        stop(process)
