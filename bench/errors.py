"""What can go wrong in a benchmark: each error is one sentence for whoever runs it."""

from core.errors import OperatorError, ScorelineError


class ToolMissing(OperatorError):
    """A program that the benchmark needs is not installed."""

    code = "tool-missing"


class Overwhelmed(ScorelineError):
    """A service did not answer all of its load, so that what it did answer says nothing."""

    code = "overwhelmed"
