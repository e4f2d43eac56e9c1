"""The settings: all that may differ between two installations, read once at start from `SCORELINE_*` variables."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, ValidationError, model_validator
from pydantic import Field as Describe
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import OperatorError
from core.ledger.callback import check_secrets
from core.ledger.key import check_key

LogFormat = Literal["text", "json"]


class Settings(BaseSettings):
    """One installation's settings; each is the environment variable `SCORELINE_` and its name in capitals.

    `Settings.read` makes them.
    """

    model_config = SettingsConfigDict(env_prefix="SCORELINE_", frozen=True, env_ignore_empty=True)

    hosts: str | None = Describe(
        None,
        description="Names, separated by spaces, by which the gateway may be called, besides SCORELINE_API_HOST, "
        "localhost and any address; `*` is any.",
    )
    cors_origins: str | None = Describe(
        None,
        description="Origins, separated by spaces, whose pages may call the gateway, such as `https://ward.example`.",
    )
    connections_limit: int = Describe(
        16_384, gt=0, description="Connections that one gateway process serves at once; one more is 503."
    )
    event_streams_limit: int = Describe(
        2_000, gt=0, description="Event streams that one gateway process has open at once; one more is 503."
    )
    answers_limit_bytes: int = Describe(
        16_000_000,
        gt=0,
        description="What one gateway process holds of large answers and downloads while they are read; what finds no "
        "room within some seconds is 503.",
    )
    key_share: float = Describe(
        0.5,
        gt=0,
        le=1,
        description="Largest share that one API key may have of a gateway process's connections, event streams and "
        "unsent answers; beyond it 429.",
    )
    head_limit_bytes: int = Describe(
        32_768, gt=0, description="Largest request line and headers, all together; larger ones are 431."
    )
    head_timeout_s: float = Describe(
        10, gt=0, description="Seconds in which request line and headers must arrive; else 408."
    )
    body_timeout_s: float = Describe(
        60, gt=0, description="Seconds in which a body must arrive, unless it is an upload; else 408."
    )
    slowest_bytes_per_s: float = Describe(
        1_000,
        ge=0,
        description="Bytes a second that must come of an upload, over SCORELINE_UPLOAD_IDLE_S, else 408; and that must "
        "be read of an answer, over SCORELINE_UNREAD_TIMEOUT_S.",
    )
    unread_timeout_s: float = Describe(
        60, gt=0, description="Seconds after which a response that is not read is broken off."
    )
    valkey_port: int = Describe(
        6380, ge=1, le=65535, description="Port of the embedded Valkey; unused where SCORELINE_REDIS_URL is set."
    )
    redis_url: str = Describe(
        default_factory=lambda known: f"redis://127.0.0.1:{known.get('valkey_port', 0)}/0",
        description="Redis or Valkey that holds both the ledger and the queue; by default the embedded one.",
    )
    redis_ca: Path | None = Describe(
        None, description="File of the authorities that a rediss:// Redis is certified by; by default the system's."
    )
    redis_master: str = Describe("mymaster", description="Name of the master, where the URL names Sentinels.")
    redis_timeout_s: float = Describe(2, gt=0, description="Seconds after which Redis counts as unavailable.")
    api_host: str = Describe("127.0.0.1", description="Address that the gateway listens on.")
    api_port: int = Describe(8001, ge=1, le=65535, description="Port that the gateway listens on.")
    api_keys: Literal["required", "off"] = Describe(
        "required", description="Whether each request needs an API key; only on a loopback address may it be `off`."
    )
    api_key: Annotated[SecretStr, AfterValidator(check_key)] | None = Describe(
        None, description="API key that our own clients send, and that a gateway with the same setting accepts."
    )
    session_ttl: int = Describe(
        43_200, gt=0, description="Seconds after which a key that was entered on the pages must be entered again."
    )
    api_processes: int = Describe(1, gt=0, description="Gateway processes that share the port.")
    flower_port: int = Describe(5555, ge=1, le=65535, description="Port of Flower's dashboard.")
    grafana_url: str | None = Describe(None, description="URL of Grafana, to which the system page links.")
    mlflow_url: str | None = Describe(None, description="URL of MLflow, to which the system page links.")
    exporter_port: int = Describe(
        9808, ge=0, le=65535, description="Port of celery-exporter in `make up`; 0 starts none."
    )
    prometheus_port: int = Describe(
        9090, ge=0, le=65535, description="Port of Prometheus in `make up`, where one is installed; 0 starts none."
    )
    log_format: LogFormat = Describe("text", description="How a line of the log is written: `text` or `json`.")
    log_requests: bool = Describe(False, description="Whether each request, and each job scored, is a line in the log.")
    metrics: bool = Describe(True, description="Whether gateway, workers and reaper have metrics.")
    metrics_host: str = Describe("127.0.0.1", description="Address on which all programs serve their metrics.")
    api_metrics_port: int = Describe(
        9800, ge=0, le=65535, description="Port of the gateway's metrics; 0 serves none, as for those below."
    )
    worker_metrics_port: int = Describe(9801, ge=0, le=65535, description="Port of a worker's metrics.")
    bulk_metrics_port: int = Describe(9802, ge=0, le=65535, description="Port of a bulk worker's metrics.")
    sweep_metrics_port: int = Describe(9803, ge=0, le=65535, description="Port of the reaper's metrics.")
    notify_metrics_port: int = Describe(9804, ge=0, le=65535, description="Port of a webhook worker's metrics.")
    body_limit_bytes: int = Describe(4_000_000, gt=0, description="Largest request body; a larger one is 413.")
    patients_limit: int = Describe(10_000, gt=0, description="Most patients in one job.")
    prediction_wait_s: float = Describe(
        10, gt=0, description="Longest that POST /api/prediction waits before it answers 202 with the job."
    )
    wait_limit_s: float = Describe(60, gt=0, description="Longest that `Prefer: wait=N` waits; more is cut to it.")
    worker_processes: int = Describe(2, gt=0, description="Scoring processes of one worker.")
    bulk_processes: int = Describe(2, gt=0, description="Scoring processes of one worker of the bulk queue.")
    part_limit_s: float = Describe(120, gt=0, description="A part of a file that takes longer to score is killed.")
    task_limit_s: float = Describe(4, gt=0, description="A task that takes longer is killed.")
    lease_s: float = Describe(6, gt=0, description="Seconds after which a worker loses a job that it has claimed.")
    visibility_timeout_s: float = Describe(
        20, gt=0, description="Seconds after which Redis hands an unacknowledged message to another worker."
    )
    deliveries_limit: int = Describe(
        3, gt=0, description="A job that was delivered so often, and never committed, is dead-lettered."
    )
    resend_after_s: float = Describe(
        3, gt=0, description="A message is lost once the queue has delivered one that was sent this much later."
    )
    sweep_every_s: float = Describe(0.5, gt=0, description="Seconds between two rounds of the reaper.")
    canary_every_s: float = Describe(2, gt=0, description="Seconds between two probe jobs.")
    ready_for_s: float = Describe(10, gt=0, description="Seconds for which a scored job keeps the service ready.")
    backlog_limit: int = Describe(
        500_000, gt=0, description="Patients that may wait; above it a submit is answered 429."
    )
    bulk_backlog_limit: int = Describe(
        50_000_000, gt=0, description="Rows of files that may wait; above it an upload is answered 429."
    )
    memory_share: float = Describe(  # `api.headroom` says why
        0.85, gt=0, le=1, description="Share of Redis's `maxmemory` above which submits and uploads are 503."
    )
    idempotency_ttl: int = Describe(86_400, gt=0, description="Seconds for which an Idempotency-Key is remembered.")
    result_ttl: int = Describe(86_400, gt=0, description="Seconds for which a finished job is kept; then it is 410.")
    rewrite_within_s: int = Describe(
        3_600,
        ge=0,
        description="Seconds within which erased and expired data leave Redis's disk; 0 leaves that to you.",
    )
    audit_ttl: int = Describe(604_800, gt=0, description="Seconds for which the audit log keeps its events.")
    gone_ttl: int = Describe(
        86_400, gt=0, description="Seconds, after the time to keep it, that a job is 410 rather than 404."
    )
    callback_secret: Annotated[SecretStr, AfterValidator(check_secrets)] | None = Describe(
        None, description="Secrets that sign callbacks, as Standard Webhooks writes them; without one there are none."
    )
    callback_private: bool = Describe(
        False, description="Whether callbacks may go to private, loopback and link-local addresses."
    )
    callback_timeout_s: float = Describe(10, gt=0, description="Seconds in which a callback must be answered.")
    callback_retry_s: float = Describe(
        5, gt=0, description="Seconds until a callback is tried again; four times longer each time, up to a day."
    )
    var: Path = Describe(Path("var"), description="Folder for the embedded server's data and for logs.")
    bundle: Path = Describe(Path("models/champion"), description="Folder of the released model bundle.")
    store: str = Describe(
        default_factory=lambda known: f"file://{known.get('var', '')}/store",
        description="Where batches keep their files: file:// and a folder, or s3:// with bucket and prefix.",
    )
    store_timeout_s: float = Describe(
        10, gt=0, description="Seconds after which the object store counts as unavailable."
    )
    upload_limit_bytes: int = Describe(
        10_000_000_000, gt=0, description="Largest file of a batch, unpacked; a larger one is 413."
    )
    upload_ratio_limit: float = Describe(
        200, gt=1, description="A file above 10 MB that is packed more times than this is 413."
    )
    record_limit_bytes: int = Describe(1_000_000, gt=0, description="Longest row of a file; a longer one is 422.")
    upload_idle_s: float = Describe(60, gt=0, description="Seconds without a byte after which an upload is 408.")
    uploads_limit: int = Describe(
        8, gt=0, description="Uploads that one gateway process takes at once; one more is 429."
    )

    @classmethod
    def read(cls) -> Self:
        """Return the settings of this process's environment.

        Raises OperatorError, which names every wrong variable and never repeats its value: a URL may hold a password.
        """
        try:
            return cls()
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False, include_context=False)
            lines = [f"{_variable(fault['loc'])}{fault['msg'].removeprefix('Value error, ')}" for fault in faults]
            raise OperatorError("the settings cannot be used: " + "; ".join(lines)) from None

    @property
    def embedded(self) -> bool:
        """Whether the embedded Valkey is used, since no Redis is named."""
        return "redis_url" not in self.model_fields_set

    @property
    def api_url(self) -> str:
        """The gateway's URL on this machine."""
        return f"http://{host_and_port(self.api_host, self.api_port)}"

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if urlsplit(self.redis_url).scheme not in ("redis", "rediss", "sentinel"):
            raise ValueError("SCORELINE_REDIS_URL must begin with redis://, rediss:// or sentinel://")
        if not self.task_limit_s < self.lease_s < self.visibility_timeout_s:
            raise ValueError(
                "times must keep this order: SCORELINE_TASK_LIMIT_S < SCORELINE_LEASE_S < "
                "SCORELINE_VISIBILITY_TIMEOUT_S"
            )
        if self.api_keys == "off" and not is_loopback(self.api_host):
            raise ValueError(
                f"the gateway would be open to everyone who reaches {self.api_host}: leave SCORELINE_API_KEYS at "
                "`required` and make keys with `python -m api keys create`, or set SCORELINE_API_HOST to 127.0.0.1"
            )
        if self.patients_limit > self.backlog_limit:
            raise ValueError("SCORELINE_PATIENTS_LIMIT must not exceed SCORELINE_BACKLOG_LIMIT")
        return self


def host_and_port(host: str, port: int) -> str:
    """Return the address at which this machine reaches a listener on this host, perhaps a wildcard, and port."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only compared
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a listener on this address can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _variable(location: tuple[int | str, ...]) -> str:
    return f"SCORELINE_{str(location[0]).upper()}: " if location else ""
