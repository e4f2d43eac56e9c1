"""The service that most tutorials give: FastAPI, one Celery task a request, a result backend, a pickled model."""
