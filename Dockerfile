# A target for each image, with no more in it than its programs need: their group of packages (pyproject.toml), at the
# versions in requirements.lock, and the code that they import. docker-compose.yml says what each runs. Gateway and
# workers take one group more by `--build-arg WITH=otel`.

FROM python:3.11-slim AS uv
WORKDIR /build
COPY pyproject.toml requirements.lock ./
# The lines of uv and its hashes: pip takes none from a file of constraints, as uv does below.
RUN awk '/^[^ ]/ {wanted = /^uv==/} wanted' requirements.lock > uv.txt \
    && pip install --quiet --root-user-action ignore --no-cache-dir --require-hashes --requirement uv.txt \
    && uv venv /opt/scoreline
ENV VIRTUAL_ENV=/opt/scoreline UV_NO_CACHE=1 UV_CONSTRAINT=requirements.lock UV_REQUIRE_HASHES=1

FROM uv AS api-packages
ARG WITH
RUN uv pip install --group api ${WITH:+--group $WITH}

FROM uv AS producer-packages
RUN uv pip install --group producer

FROM uv AS worker-packages
ARG WITH
RUN uv pip install --group worker ${WITH:+--group $WITH}

FROM worker-packages AS flower-packages
RUN uv pip install --group flower

FROM uv AS mlflow-packages
COPY training/mlflow.txt .
RUN UV_CONSTRAINT= uv pip install --requirement mlflow.txt


# Code and packages belong to root; who runs them may write to volumes and /tmp alone.
FROM python:3.11-slim AS base
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin scoreline \
    && install --directory --owner scoreline --group scoreline /var/lib/scoreline
ENV PATH=/opt/scoreline/bin:$PATH PYTHONUNBUFFERED=1
# No library tells its maker of its use (core/telemetry.py).
ENV ORT_DISABLE_TELEMETRY=1 MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=1
WORKDIR /srv/scoreline
# What a program writes is its user's alone.
ENTRYPOINT ["sh", "-c", "umask 077; exec \"$@\"", "sh"]

# Each image imports its programs once: if a package is missing, that fails here and not in production; and it leaves
# their bytecode, which a read-only file system could not keep.
FROM base AS api
COPY --from=api-packages /opt/scoreline /opt/scoreline
COPY core core
COPY monitoring monitoring
COPY api api
RUN python -c "import api.__main__, api.batches.parquet"
USER scoreline
CMD ["python", "-m", "api"]

FROM base AS producer
COPY --from=producer-packages /opt/scoreline /opt/scoreline
COPY core core
COPY training/data/cleveland.csv training/data/cleveland.csv
COPY producer producer
RUN python -c "import producer.__main__"
USER scoreline
CMD ["python", "-m", "producer"]

FROM base AS worker-code
COPY core core
COPY monitoring monitoring
COPY models models
COPY worker worker

# A worker of either queue, the sweep and the notifier.
FROM worker-code AS worker
COPY --from=worker-packages /opt/scoreline /opt/scoreline
RUN python -c "import worker.__main__, worker.entry"
USER scoreline
CMD ["python", "-m", "worker", "run"]

# Flower knows the tasks by the worker's code, and runs none.
FROM worker-code AS flower
COPY --from=flower-packages /opt/scoreline /opt/scoreline
RUN python -c "import worker.entry, flower.command"
USER scoreline
CMD ["python", "-m", "celery", "-A", "worker.entry", "flower", "--address=0.0.0.0", "--logging=error"]

FROM base AS mlflow
COPY --from=mlflow-packages /opt/scoreline /opt/scoreline
RUN python -c "import mlflow.server, mlflow.store.db.utils"
USER scoreline
CMD ["python", "-m", "mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1", "--serve-artifacts", \
     "--allowed-hosts", "mlflow:5000,localhost:*,127.0.0.1:*", \
     "--backend-store-uri", "sqlite:////var/lib/scoreline/mlflow.db", \
     "--artifacts-destination", "/var/lib/scoreline/artifacts"]
