"""The worker: `celery -A bench.peers.noop.tasks worker`, with CELERY_BROKER_URL and CELERY_RESULT_BACKEND set."""

from celery import Celery

celery = Celery("noop", set_as_current=False)


@celery.task(name="noop", shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
def do_nothing() -> None:
    """Return, so that the result backend says so."""
