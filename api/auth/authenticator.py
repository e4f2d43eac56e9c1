"""The doorkeeper: knows whose a key is that was shown. One in each process.

A slow hash takes some 0.2 s, so it is done once for each key and process, in a thread. After that the key is known as
it was shown: a dictionary finds it by a hash under a secret of the process, and compares nothing else unless all 64
bits of that agree. What the keyring says of it is trusted for a second, so that a key that was revoked or has expired
is refused within that second, by every gateway; of a key in use it is read anew while it is still trusted, so that no
one waits for that.

Who shows wrong keys costs little: what does not look like a key is refused at once, an unknown prefix after one
question to Redis, a wrong secret by the hint that is kept with the slow hash. The answer is the same, though it may
come sooner for a prefix that there is not: prefixes are no secret. Strangers are looked at one at a time, in a thread
of their own, so that they never hold up those that are known; when many wait, others are told to come later.
"""

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from hmac import compare_digest

from api.auth.credentials import Credential
from core.errors import Crowded, RefusedKey
from core.ledger.key import Proof, matches, may_match, split_key
from core.ledger.redis.access.keyring import Key, Keyring
from core.ledger.redis.access.sessions import Sessions

TRUSTED_S, FRESH_S = 1.0, 0.5
"""For how long what was read of a key is trusted, and when it is read anew if the key is shown again."""
KNOWN_AT_MOST = 10_000
STRANGERS_AT_MOST = 64


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that was hashed: whether that was `right`, and for how long what was read of it is trusted."""

    key: Key
    right: bool
    until_s: float

    def holds(self, proof: Proof) -> bool:
        """Whether it is still so that the key was hashed against."""
        return self.key.proof == proof


class Authenticator:
    """Finds the key that was shown, or that a session was begun with, in a keyring.

    `own` is the key of our own clients, which an operator set for them and for this gateway: the first time that it is
    shown it is put into the keyring, so that from then on it is a key like others.
    """

    def __init__(self, keyring: Keyring, sessions: Sessions, own: str | None = None) -> None:
        self._keyring = keyring
        self.sessions = sessions
        self._own = own.encode() if own else b""
        self._known: OrderedDict[Credential, KnownKey] = OrderedDict()
        self._asked: dict[Credential, asyncio.Task[Key]] = {}
        self._regulars = ThreadPoolExecutor(1, "keys")
        self._strangers = ThreadPoolExecutor(1, "strangers")

    def recall(self, credential: Credential) -> Key | None:
        """Return the key if it was found valid within the last second, at once."""
        known = self._known.get(credential)
        if not known or not known.right:
            return None
        left_s = known.until_s - time.monotonic()
        if left_s <= 0:
            return None
        if left_s < TRUSTED_S - FRESH_S:
            self._ask(credential)
        return known.key

    async def find(self, credential: Credential) -> Key:
        """Return the valid key. Raises RefusedKey, Crowded, and LedgerUnavailable if it cannot be known."""
        if credential not in self._known and credential not in self._asked and len(self._asked) >= STRANGERS_AT_MOST:
            raise Crowded(retry_after_s=1)
        return await asyncio.shield(self._ask(credential))

    async def forget(self, session: Credential) -> None:
        """End the session: at once here, and within a second elsewhere. Raises LedgerUnavailable."""
        await asyncio.get_running_loop().run_in_executor(
            self._strangers, self.sessions.end, session.text.decode("latin-1")
        )
        if session in self._asked:  # which may have been answered before it ended
            await asyncio.wait([self._asked[session]])
        self._known.pop(session, None)

    def close(self) -> None:
        """Wait for what is being looked at."""
        self._regulars.shutdown()
        self._strangers.shutdown()

    def _ask(self, credential: Credential) -> asyncio.Task[Key]:
        """Have it looked at, once however many requests show it meanwhile."""
        asked = self._asked.get(credential)
        if asked is None:
            asked = self._asked[credential] = asyncio.create_task(self._look(credential))
            asked.add_done_callback(lambda done: self._forget(credential, done))
        return asked

    async def _look(self, credential: Credential) -> Key:
        known, begun_s = self._known.get(credential), time.monotonic()
        thread = self._regulars if known else self._strangers
        secret = credential.text.decode("latin-1")
        found = await (
            self._of_session(secret, thread) if credential.is_session else self._of_key(secret, thread, known)
        )
        if found is None or found[0].left_s <= 0:
            self._known.pop(credential, None)
            raise RefusedKey
        key, right = found
        self._known[credential] = KnownKey(key, right, begun_s + min(TRUSTED_S, key.left_s))
        self._known.move_to_end(credential)
        if len(self._known) > KNOWN_AT_MOST:
            self._known.popitem(last=False)
        if not right:
            raise RefusedKey
        return key

    async def _of_session(self, secret: str, thread: Executor) -> tuple[Key, bool] | None:
        """Return the key that was entered, or None."""

        def find() -> Key | None:
            prefix = self.sessions.find(secret)
            return self._keyring.find(prefix) if prefix else None

        key = await asyncio.get_running_loop().run_in_executor(thread, find)
        return (key, True) if key else None

    async def _of_key(self, whole: str, thread: Executor, known: KnownKey | None) -> tuple[Key, bool] | None:
        """Return the key and whether its secret is right, or None where that need not be asked."""
        split, loop = split_key(whole), asyncio.get_running_loop()
        if split is None:
            return None
        key = await loop.run_in_executor(thread, self._keyring.find, split[0])
        if key is None and compare_digest(whole.encode(), self._own):
            key = await loop.run_in_executor(self._strangers, self._keyring.adopt, *split)
        if key is None or key.left_s <= 0:
            return None
        if known and known.holds(key.proof):
            return key, known.right
        if not may_match(split[1], key.proof):
            return None
        return key, await loop.run_in_executor(self._strangers, matches, split[1], key.proof)

    def _forget(self, credential: Credential, done: asyncio.Task[Key]) -> None:
        del self._asked[credential]
        if not done.cancelled():
            done.exception()  # asyncio is to know that it was seen, though everyone who asked may have left
