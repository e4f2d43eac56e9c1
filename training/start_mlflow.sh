#!/usr/bin/env bash
# A local MLflow for `python -m training ...` to log to, on http://127.0.0.1:5000, until Ctrl-C. What it keeps is in
# var/mlflow: runs in a SQLite file, artifacts in a folder. It has an environment of its own, locked by training/mlflow.txt,
# as nothing else of Scoreline needs its ninety packages.
set -euo pipefail
umask 077
export MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=1 ORT_DISABLE_TELEMETRY=1 # MLflow tells nobody of its use
cd "$(dirname "$0")/.."

kept="${SCORELINE_VAR:-var}/mlflow"
lock="training/mlflow.txt"
made="$kept/venv-$(sha256sum "$lock" | cut -c1-8)"

if [ ! -e "$made/complete" ]; then
    echo "installing $lock into $made ..."
    mkdir -p "$kept"
    .venv/bin/uv venv --quiet --clear --python .venv/bin/python "$made"
    .venv/bin/uv pip install --quiet --python "$made/bin/python" --require-hashes --requirement "$lock"
    touch "$made/complete"
fi

exec "$made/bin/python" -m mlflow server --host 127.0.0.1 --port "${1:-5000}" --workers 1 --serve-artifacts \
    --backend-store-uri "sqlite:///$kept/mlflow.db" --artifacts-destination "$kept/artifacts"
