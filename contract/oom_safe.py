"""A Redis client whose writes are not refused for want of memory.

A Redis above its `maxmemory` refuses every command that may take more of it (OOM), but no script that says it may run
all the same. So a refused command is sent again within such a script. It takes a round trip more while memory is full,
and nothing else: what was accepted can be claimed, committed, acknowledged, canceled and erased, which is how memory
becomes free again. Only who submits new work is to be refused: by a script that begins with `REFUSED_WHEN_FULL`.

Redis checks the user's rights within a script as well. Needs Redis 7 or Valkey.
"""

from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.commands.core import Script
from redis.exceptions import OutOfMemoryError, ResponseError
from typing_extensions import override

RUNS_WHEN_FULL = "#!lua flags=allow-oom\n"
"""Heads a script that runs whatever memory is used."""

REFUSED_WHEN_FULL = "#!lua\n"
"""Heads a script that a Redis whose memory is full refuses, before any of it is done."""

ALL_AT_ONCE = (
    RUNS_WHEN_FULL
    + """
local answers, at = {}, 1
while at < #ARGV do
  local size = tonumber(ARGV[at])
  answers[#answers + 1] = redis.pcall(unpack(ARGV, at + 1, at + size))
  at = at + size + 1
end
return answers
"""
)
"""Does commands in their order, each given as the number of its words and those words; returns their answers."""

SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"})
"""Commands that no script may call; the script that they run says itself whether it may be refused."""

Command = tuple[tuple[Any, ...], dict[str, Any]]
"""A command and its arguments, and the options by which its answer is read, as redis-py keeps them."""


class OomSafeRedis(Redis):
    """A client that is refused nothing for want of memory but the scripts that are to be."""

    @override
    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Return the answer to a command."""
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except OutOfMemoryError:
            if args[0] in SCRIPTS:
                raise
            (answer,) = self.execute_all([(args, options)])
            if isinstance(answer, Exception):
                raise answer from None
            return answer

    def execute_all(self, commands: Sequence[Command]) -> list[Any]:
        """Do the commands, none of which runs a script, in one step whatever memory is used; return their answers."""
        words = [word for args, _ in commands for word in (len(args), *args)]
        answers = super().execute_command("EVAL", ALL_AT_ONCE, 0, *words)  # type: ignore[no-untyped-call]
        return [self._read(*command, answer) for command, answer in zip(commands, answers, strict=True)]

    @override
    def register_script(self, script: str | bytes | memoryview) -> Script:
        """Return a script to call; it runs whatever memory is used, unless its first line says what it needs."""
        text = script if isinstance(script, str) else bytes(script).decode()
        return super().register_script(text if text.startswith("#!") else RUNS_WHEN_FULL + text)

    @override
    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Return a pipeline that is refused as little."""
        return OomSafePipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)

    def _read(self, args: tuple[Any, ...], options: dict[str, Any], answer: Any) -> Any:
        read = self.response_callbacks.get(args[0])
        if isinstance(answer, Exception) or not read:
            return answer
        return read(answer, **{name: value for name, value in options.items() if name != "keys"})


class OomSafePipeline(Pipeline):
    """A pipeline whose commands are done all the same, those of a transaction in one step, if memory is full.

    What a refused transaction watched is not watched any more then: Redis takes no transaction while memory is full.
    """

    @override
    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Return the answers to the commands, as a pipeline of redis-py does."""
        commands: list[Command] = self.command_stack
        try:
            answers = super().execute(raise_on_error=False)
        except OutOfMemoryError as error:  # of a transaction, none of which was done
            answers = [error] * len(commands)
        refused = [place for place, answer in enumerate(answers) if isinstance(answer, OutOfMemoryError)]
        for place, answer in zip(refused, self._do([commands[place] for place in refused]), strict=True):
            answers[place] = answer
        if raise_on_error:
            self.raise_first_error(commands, answers)  # type: ignore[no-untyped-call]
        return answers

    def _do(self, commands: Sequence[Command]) -> list[Any]:
        client = OomSafeRedis(connection_pool=self.connection_pool)
        if not any(args[0] in SCRIPTS for args, _ in commands):
            return client.execute_all(commands) if commands else []
        return [attempt(client, command) for command in commands]


def attempt(client: Redis, command: Command) -> Any:
    """Return the answer to a command, or the error that it is."""
    args, options = command
    try:
        return client.execute_command(*args, **options)
    except ResponseError as error:
        return error
