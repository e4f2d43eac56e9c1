"""Every error that the gateway answers a request with."""

from core import errors

ANSWERED_ERRORS = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, errors.ScorelineError) and error.status
]
