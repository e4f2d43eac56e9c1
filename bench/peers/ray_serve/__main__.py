"""The service: `python -m bench.peers.ray_serve REDIS_URL MODEL --port PORT`, until SIGTERM.

Made as Ray's documentation shows: an ingress that queues tasks, and a consumer that takes them; both find the queue by
the same configuration. Ray runs Celery's worker in threads of the consumer.
"""

import signal
import sys
from typing import Any

import ray
from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import CeleryAdapterConfig, TaskProcessorConfig
from ray.serve.task_consumer import instantiate_adapter_from_config, task_consumer, task_handler

from bench.peers import model
from bench.peers.patient import Patient

CORES = 2
QUEUE = "patients"


def make_service(redis_url: str, model_path: str) -> Application:
    """Return the service over the queue in this Redis, scoring with the model in this file."""
    config = TaskProcessorConfig(
        queue_name=QUEUE, adapter_config=CeleryAdapterConfig(broker_url=redis_url, backend_url=redis_url)
    )
    routes = FastAPI()

    @serve.deployment(max_ongoing_requests=CORES, ray_actor_options={"num_cpus": 0})
    @task_consumer(task_processor_config=config)
    class Scoring:
        """Takes patients off the queue."""

        def __init__(self) -> None:
            self._pipeline = model.load(model_path)

        @task_handler(name="score")
        def score(self, patient: dict[str, Any]) -> dict[str, Any]:
            """Score one patient; Celery's result backend keeps the score."""
            return model.score(self._pipeline, patient)

    @serve.deployment(max_ongoing_requests=1_000, ray_actor_options={"num_cpus": 0})
    @serve.ingress(routes)
    class Gateway:
        """Takes patients over HTTP."""

        def __init__(self, consumer: DeploymentHandle) -> None:
            self._consumer = consumer  # only so that it is deployed as well
            self._queue = instantiate_adapter_from_config(config)

        @routes.post("/predict", status_code=202)
        def submit(self, patient: Patient) -> dict[str, Any]:
            """Queue the patient."""
            return {"task_id": self._queue.enqueue_task_sync("score", args=[patient.model_dump()]).id}

        @routes.get("/result/{task_id}")
        def read(self, task_id: str) -> dict[str, Any]:
            """Return the task's status, and its score once it succeeded."""
            task = self._queue.get_task_status_sync(task_id)
            return {"status": task.status, "result": task.result if task.status == "SUCCESS" else None}

    return Gateway.bind(Scoring.bind())


def serve_at(port: int, service: Application) -> None:
    """Serve on the port of this machine's loopback until SIGTERM or Ctrl-C."""
    ray.init(num_cpus=CORES, include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(service)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    serve_at(int(sys.argv[4]), make_service(*sys.argv[1:3]))
