"""The authenticator: finds the key for a credential. There is one in each process.

The slow hash of a secret takes some 0.2 s, so it is computed once for each key and process, in a thread. Afterwards a
dictionary finds the credential by its hash, which is salted with a secret of the process (so that timing reveals
nothing: texts are compared only if all 64 bits of the hashes agree). The key's record is trusted for a second, so every
gateway refuses a revoked or expired key within a second. The record of a key in use is read again while it is still
trusted, so that no request waits for that.

Wrong keys cost little: a text that does not look like a key is refused at once, an unknown prefix after one call to
Redis, and a wrong secret by the hint that is stored with the slow hash. The answer is always the same, though it may
come sooner for an unknown prefix: prefixes are no secret. Unknown keys are looked up one at a time, in a thread of
their own, so that they never delay known ones. If too many wait, further ones are refused with Crowded.
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
"""How long a key's record is trusted, and the age from which it is read again when the key is used."""
KNOWN_LIMIT = 10_000
LOOKUPS_LIMIT = 64


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key whose secret was hashed: whether it matched, and until when the key's record is trusted."""

    key: Key
    secret_matches: bool
    until_s: float

    def has_proof(self, proof: Proof) -> bool:
        """Whether the key was hashed against this proof."""
        return self.key.proof == proof


class Authenticator:
    """Finds the key of a credential, or of the session that the credential names, in a keyring.

    `own` is the key in `SCORELINE_API_KEY`, which an operator set for the service's own clients: at its first use it is
    added to the keyring, and from then on it is a key like others.
    """

    def __init__(self, keyring: Keyring, sessions: Sessions, own: str | None = None) -> None:
        self._keyring = keyring
        self.sessions = sessions
        self._own = own.encode() if own else b""
        self._known: OrderedDict[Credential, KnownKey] = OrderedDict()
        self._lookups: dict[Credential, asyncio.Task[Key]] = {}
        self._known_keys = ThreadPoolExecutor(1, "known keys")
        self._unknown_keys = ThreadPoolExecutor(1, "unknown keys")

    def recall_key(self, credential: Credential) -> Key | None:
        """Return the key at once if it was found valid within the last second, else None."""
        known = self._known.get(credential)
        if not known or not known.secret_matches:
            return None
        left_s = known.until_s - time.monotonic()
        if left_s <= 0:
            return None
        if left_s < TRUSTED_S - FRESH_S:
            self._start_lookup(credential)
        return known.key

    async def find_key(self, credential: Credential) -> Key:
        """Return the valid key. Raises RefusedKey, Crowded, and LedgerUnavailable if Redis does not answer."""
        if credential not in self._known and credential not in self._lookups and len(self._lookups) >= LOOKUPS_LIMIT:
            raise Crowded(retry_after_s=1)
        return await asyncio.shield(self._start_lookup(credential))

    async def end_session(self, session: Credential) -> None:
        """End the session: at once in this process, within a second in others. Raises LedgerUnavailable."""
        await asyncio.get_running_loop().run_in_executor(
            self._unknown_keys, self.sessions.end, session.text.decode("latin-1")
        )
        if session in self._lookups:  # a lookup that may have read the session before it ended
            await asyncio.wait([self._lookups[session]])
        self._known.pop(session, None)

    def close(self) -> None:
        """Wait for the running lookups."""
        self._known_keys.shutdown()
        self._unknown_keys.shutdown()

    def _start_lookup(self, credential: Credential) -> asyncio.Task[Key]:
        """Return the lookup of the credential; start it unless it is running: requests share one lookup."""
        lookup = self._lookups.get(credential)
        if lookup is None:
            lookup = self._lookups[credential] = asyncio.create_task(self._look_up(credential))
            lookup.add_done_callback(lambda done: self._drop_lookup(credential, done))
        return lookup

    async def _look_up(self, credential: Credential) -> Key:
        known, started_s = self._known.get(credential), time.monotonic()
        thread = self._known_keys if known else self._unknown_keys
        secret = credential.text.decode("latin-1")
        result = await (
            self._find_by_session(secret, thread)
            if credential.is_session
            else self._find_by_secret(secret, thread, known)
        )
        if result is None or result[0].left_s <= 0:
            self._known.pop(credential, None)
            raise RefusedKey
        key, secret_matches = result
        self._known[credential] = KnownKey(key, secret_matches, started_s + min(TRUSTED_S, key.left_s))
        self._known.move_to_end(credential)
        if len(self._known) > KNOWN_LIMIT:
            self._known.popitem(last=False)
        if not secret_matches:
            raise RefusedKey
        return key

    async def _find_by_session(self, secret: str, thread: Executor) -> tuple[Key, bool] | None:
        """Return the key of the session, and True; None if there is no such session."""

        def find() -> Key | None:
            prefix = self.sessions.find(secret)
            return self._keyring.find(prefix) if prefix else None

        key = await asyncio.get_running_loop().run_in_executor(thread, find)
        return (key, True) if key else None

    async def _find_by_secret(self, whole: str, thread: Executor, known: KnownKey | None) -> tuple[Key, bool] | None:
        """Return the key and whether its secret matches; None if it is refused without the slow hash."""
        split, loop = split_key(whole), asyncio.get_running_loop()
        if split is None:
            return None
        key = await loop.run_in_executor(thread, self._keyring.find, split[0])
        if key is None and compare_digest(whole.encode(), self._own):
            key = await loop.run_in_executor(self._unknown_keys, self._keyring.adopt, *split)
        if key is None or key.left_s <= 0:
            return None
        if known and known.has_proof(key.proof):
            return key, known.secret_matches
        if not may_match(split[1], key.proof):
            return None
        return key, await loop.run_in_executor(self._unknown_keys, matches, split[1], key.proof)

    def _drop_lookup(self, credential: Credential, done: asyncio.Task[Key]) -> None:
        del self._lookups[credential]
        if not done.cancelled():
            done.exception()  # retrieve it, or asyncio would log it if all requests were canceled
