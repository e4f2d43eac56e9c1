"""The programs that a service is made of: what each runs, waits for, listens on, and how it is stopped.

`make programs` writes two files from this list: supervisord.conf, for `make up`, and the services of our own images in
docker-compose.yml. The ports that `up` checks and the targets that Prometheus scrapes are read from it too.

Every program is started again whenever it ends. SIGTERM stops it, once it has finished the work in hand; one that takes
longer than `StackSettings.stop_wait_s`, or in a container than `STOP_WITHIN_S` of stack/files.py, is killed.
"""

from stack.program import Condition, Container, Port, Program


def metrics_port(name: str, title: str) -> Port:
    """Return the port on which one of our programs shows its metrics."""
    return Port(f"{name}_metrics_port", f"{title}'s metrics", "metrics_host", scraped=True)


API_PORT = Port("api_port", "the gateway", "api_host")
FLOWER_PORT = Port("flower_port", "Flower")
CALLBACK_SECRET = {"SCORELINE_CALLBACK_SECRET": "${SCORELINE_CALLBACK_SECRET:-}"}

PROGRAMS = (
    Program(
        name="valkey",
        group="store",
        command="valkey-server --bind 127.0.0.1 --port %(ENV_SCORELINE_VALKEY_PORT)s "
        '--dir "%(ENV_SCORELINE_VAR)s/valkey" '
        '--appendonly yes --appendfsync always --save "" --maxmemory-policy noeviction',
        condition=Condition("STACK_EMBEDDED", lambda settings: settings.embedded),
        ports=(Port("valkey_port", "the embedded Valkey"),),
        container=None,
        comment="What 202 promises depends on these options: every write is on the disk before it is answered, and "
        "nothing is evicted.",
    ),
    Program(
        name="api",
        group="service",
        command="python -m api",
        ports=(API_PORT, metrics_port("api", "the gateway")),
        container=Container(
            service="api",
            image="api",
            redis_user="gateway",
            environment={
                "SCORELINE_API_HOST": "0.0.0.0",  # noqa: S104 - of its container
                "SCORELINE_API_PORT": "8001",
                "SCORELINE_API_KEY": "&api-key ${SCORELINE_API_KEY:?is not set, .env.example says how to make one}",
                "SCORELINE_HOSTS": "api ${SCORELINE_HOSTS:-} # the producer calls it `api`; .env may name more",
                "SCORELINE_FLOWER_PORT": "${SCORELINE_FLOWER_PORT:-5555} # for the page of the system, as the next two",
                "SCORELINE_GRAFANA_URL": "http://127.0.0.1:${GRAFANA_PORT:-3000}",
                "SCORELINE_MLFLOW_URL": "http://127.0.0.1:${MLFLOW_PORT:-5000}",
                **CALLBACK_SECRET,
            },
            probe="http://127.0.0.1:8001/health/ready",
            published=API_PORT,
            calls_out=True,  # to look up the host of a callback
            stores_files=True,
        ),
    ),
    Program(
        name="worker",
        group="service",
        command="python -m worker run",
        kills_children=True,
        ports=(metrics_port("worker", "the worker"),),
        container=Container(service="worker", image="worker", redis_user="worker"),
        comment="SIGTERM goes to the parent alone, which lets its children finish; SIGKILL, if needed, to all of them.",
    ),
    Program(
        name="bulk",
        group="service",
        command="python -m worker run --queue bulk",
        kills_children=True,
        ports=(metrics_port("bulk", "the bulk worker"),),
        container=Container(
            service="worker-bulk",
            image="worker",
            redis_user="worker",
            stores_files=True,
            cpu_shares=256,
            mem_limit="1g",
            comment="It yields to all others, but within its container only: cpu_shares says how much it gets beside "
            "the other containers, a quarter of what each of them has (1024). So it yields, and still scores a part of "
            "4 MB, which takes some 2 s of a processor, within its limit of 120 s even where all of the others want "
            "the only processor there is. With 2 it stood still for minutes.",
        ),
        comment="Scores files, and yields to all others by itself.",
    ),
    Program(
        name="sweep",
        group="service",
        command="python -m worker sweep",
        ports=(metrics_port("sweep", "the sweep"),),
        container=Container(service="sweep", image="worker", redis_user="worker", stores_files=True),
    ),
    Program(
        name="notify",
        group="service",
        command="python -m worker notify",
        condition=Condition("STACK_CALLBACKS", lambda settings: settings.callback_secret is not None),
        ports=(metrics_port("notify", "the notifier"),),
        container=Container(
            service="notify",
            image="worker",
            redis_user="worker",
            environment=CALLBACK_SECRET,
            calls_out=True,
            profile="callbacks",
        ),
        comment="Only where callbacks can be signed: without a secret none is accepted.",
    ),
    Program(
        name="producer",
        group="visitors",
        command="python -m producer",
        is_nice=True,
        container=Container(
            service="producer",
            image="producer",
            command="python -m producer --url http://api:8001",
            environment={"SCORELINE_API_KEY": "*api-key"},
            probe="http://api:8001/health/live",
            waits_for="api",
        ),
        comment="Monitors and simulated patients yield the processor to the programs that score: hence nice.",
    ),
    Program(
        name="flower",
        group="visitors",
        command="python -m celery -A worker.entry flower "
        "--address=127.0.0.1 --port=%(ENV_SCORELINE_FLOWER_PORT)s --logging=error",
        is_nice=True,
        ports=(FLOWER_PORT,),
        container=Container(
            service="flower",
            image="flower",
            command="python -m celery -A worker.entry flower --address=0.0.0.0 --logging=error",
            redis_user="flower",
            environment={"FLOWER_BASIC_AUTH": "${FLOWER_BASIC_AUTH:?is not set, copy .env.example to .env}"},
            probe="http://127.0.0.1:5555/healthcheck",
            published=FLOWER_PORT,
        ),
    ),
    Program(
        name="exporter",
        command=""".venv-exporter/bin/python -P -c "from src.cli import cli; cli(auto_envvar_prefix='CE')" """
        "--host=127.0.0.1 --port=%(ENV_SCORELINE_EXPORTER_PORT)s --queues=interactive,bulk,callbacks "
        "--retry-interval=5 --worker-timeout=30 --generic-hostname-task-sent-metric --log-level=WARNING",
        is_nice=True,
        condition=Condition("STACK_EXPORTER", lambda settings: settings.exporter_starts),
        ports=(Port("exporter_port", "celery-exporter", scraped=True),),
        container=None,
        comment="Reads from Celery's events who listens and what is done. The URL of its broker, which may hold a "
        "password, comes by the environment. -P, since its module is called `src`, as many a folder is.",
    ),
    Program(
        name="prometheus",
        command='prometheus --config.file="%(ENV_SCORELINE_VAR)s/prometheus/prometheus.yml" '
        '--storage.tsdb.path="%(ENV_SCORELINE_VAR)s/prometheus/data" --storage.tsdb.retention.time=15d '
        "--storage.tsdb.retention.size=1GB --web.listen-address=127.0.0.1:%(ENV_SCORELINE_PROMETHEUS_PORT)s "
        "--log.level=warn",
        is_nice=True,
        condition=Condition("STACK_PROMETHEUS", lambda settings: settings.prometheus_starts),
        ports=(Port("prometheus_port", "Prometheus", scraped=True),),
        container=None,
    ),
)
