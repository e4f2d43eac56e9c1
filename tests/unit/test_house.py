"""The rules of the house that no tool checks."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.local.programs import ROOT

ROOMS = ["core", "api", "worker", "producer", "models", "training", "monitoring", "stack", "bench"]
CLIENT = ROOT / "client" / "python"
FILES = sorted(
    path
    for folder in [*(ROOT / room for room in [*ROOMS, "tests"]), CLIENT]
    for path in folder.rglob("*.py")
    if "wire" not in path.relative_to(ROOT).parts  # which is generated
)
LINES_IN_FUNCTION = 40
# Every error, with its status.
LINES_IN_FILE = {"tests": 300, "errors.py": 450}
LINES_IN_ANY_OTHER_FILE = 250
HEAVY = {"sklearn", "pandas", "mlflow", "skl2onnx", "onnx", "scipy"}
UNKNOWN_TO = {
    "core": HEAVY | {"numpy", "onnxruntime", "fastapi", "starlette"},
    "core.transport.queue": HEAVY | {"numpy", "onnxruntime", "fastapi", "starlette"},
    "core.ledger.memory.callbacks": HEAVY | {"numpy", "fastapi", "redis", "celery", "kombu"},
    "monitoring.instrument": HEAVY | {"numpy", "onnxruntime", "fastapi", "starlette", "celery", "redis"},
    "api.app": HEAVY | {"numpy", "onnxruntime", "arro3"},
    "api.__main__": HEAVY | {"numpy", "onnxruntime", "arro3"},
    "worker.tasks": HEAVY | {"fastapi", "starlette", "uvicorn"},
    "worker.__main__": HEAVY | {"fastapi", "starlette", "uvicorn"},
    "worker.bulk.part": HEAVY | {"celery", "kombu", "redis", "fastapi", "starlette", "uvicorn"},
    "models.__main__": HEAVY | {"celery", "kombu", "redis", "fastapi", "starlette"},
    "models.scorer": HEAVY | {"celery", "kombu", "redis", "fastapi", "starlette"},
    "scoreline_client": {*ROOMS, "pydantic", "rich", "typer"},
    "scoreline_client.cli.app": {*ROOMS, "pydantic", "celery", "redis", "numpy"},
    "producer.__main__": HEAVY | {"numpy", "onnxruntime", "fastapi", "starlette"},
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_and_its_functions_are_small_enough_to_read(path: Path) -> None:
    source = path.read_text()
    top = path.relative_to(ROOT).parts[0]
    limit = LINES_IN_FILE.get(top) or LINES_IN_FILE.get(path.name, LINES_IN_ANY_OTHER_FILE)
    assert len(source.splitlines()) <= limit
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None
            first = node.body[min(documented, len(node.body) - 1)].lineno
            assert (node.end_lineno or first) - first < LINES_IN_FUNCTION, node.name


def test_each_exception_from_a_rule_of_security_says_why() -> None:
    lines = [(path, line) for path in FILES for line in path.read_text().splitlines()]
    bare = [
        line for line in lines if re.search(r"# noqa: (\w+, ?)*S\d+", line[1]) and not re.search(r"\d - \w", line[1])
    ]
    assert not bare


def test_what_tells_its_maker_of_its_use_is_imported_where_that_is_switched_off_and_nowhere_else() -> None:
    ours = [path for path in FILES if "peers" not in path.relative_to(ROOT).parts]  # the bench's, which it starts so
    telling = re.compile(r"^\s*(?:import|from) (?:onnxruntime|mlflow)\b", re.MULTILINE)
    assert [path for path in ours if telling.search(path.read_text())] == [ROOT / "models" / "runtime.py"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_opens_with_one_docstring_that_says_what_it_is(room: str) -> None:
    body = ast.parse((ROOT / room / "__init__.py").read_text()).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)


@pytest.mark.parametrize("module", UNKNOWN_TO)
def test_a_room_loads_nothing_that_it_must_not_know(module: str) -> None:
    assert loaded_with(module) & UNKNOWN_TO[module] == set()


def loaded_with(module: str) -> set[str]:
    """Return the packages that are loaded with a module."""
    code = f"import sys, {module}; print(*sys.modules)"
    path = {"PYTHONPATH": f"{ROOT}:{CLIENT}"}
    loaded = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True).stdout
    return {name.partition(".")[0] for name in loaded.split()}


@pytest.mark.parametrize("package", [*ROOMS, "scoreline_client"])
def test_importing_a_package_does_no_work(package: str, tmp_path: Path) -> None:
    root = ROOT if package in ROOMS else CLIENT
    modules = [
        ".".join(path.relative_to(root).with_suffix("").parts)
        for path in sorted((root / package).rglob("*.py"))
        if path.name != "__main__.py" and path != ROOT / "worker" / "entry.py"
    ]
    # No variable of ours is read, no socket opened, no file written: audited by the interpreter itself.
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]; made = []\n"
        "sys.addaudithook(lambda event, args: made.append((event, args)) if event == 'socket.connect' or "
        "event == 'open' and isinstance(args[1], str) and set(args[1]) & set('wax+') else None)\n"
        "sys.dont_write_bytecode = True\n"
        f"import {', '.join(modules)}\n"
        "assert not made, made"
    )
    environment = {"SCORELINE_REDIS_URL": "not a url", "SCORELINE_API_PORT": "none", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT), str(CLIENT)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
