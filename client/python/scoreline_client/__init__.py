"""The client of Scoreline: submits patients and files, waits for them, and repeats safely what was cut off.

`Client` blocks, `AsyncClient` is awaited; both do the same. What `wire` holds is generated from openapi.json.
"""

from scoreline_client.asynchronous import AsyncClient
from scoreline_client.client import Client
from scoreline_client.errors import ScorelineError
from scoreline_client.options import FileOptions, JobOptions, Progress

__all__ = ["AsyncClient", "Client", "FileOptions", "JobOptions", "Progress", "ScorelineError"]
