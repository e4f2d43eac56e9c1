"""The same as Ray Serve's asynchronous inference, which brings Celery with it."""
