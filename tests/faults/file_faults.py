"""The faults that strike files. Each strikes a house under load and returns as soon as its fault is over."""

import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Timer

import httpx2

from bench.local.conditions import wait_until
from bench.local.programs import responds
from core.transport.queue import BULK
from tests.faults.callers import PATH
from tests.faults.file_fault import FileFault
from tests.faults.file_house import house_with_bucket
from tests.faults.file_scene import FileScene
from tests.faults.file_surroundings import SURROUNDING_FAULTS
from tests.faults.files import results_of
from tests.faults.house import ANSWERED_WITHIN_S
from tests.faults.supervisor import children, kill

SEEN_WITHIN_S = 30
ROOM_BYTES = 1_000_000  # the most that a file may have on the full disk: less than a part, and more than a log
LAST_BYTES = 10
GRACE_S = 0.3  # that a part goes on for after SIGTERM
READ_BYTES = 100_000
HELD_BACK_BYTES = 65_536  # what a slow reader's side of a connection holds


def worker_killed_mid_part(scene: FileScene) -> None:
    """Kill -9 of a worker and of its scoring processes, one of which has a part in hand."""
    caught = scene.catch()
    pool = children(caught.worker.pid)
    caught.worker.end(signal.SIGKILL)
    kill(*pool)
    scene.house.gate.open()


def worker_frozen_mid_part(scene: FileScene) -> None:
    """A worker stands still mid-part, and writes and commits its part after another has done so."""
    caught = scene.catch()
    caught.worker.send(signal.SIGSTOP)
    kill(caught.pid, number=signal.SIGSTOP)
    scene.wait_for_end(caught.id)
    scene.house.gate.open()
    kill(caught.pid, number=signal.SIGCONT)
    caught.worker.send(signal.SIGCONT)


def worker_stopped_mid_part(scene: FileScene) -> None:
    """SIGTERM to a worker with a part in hand, which it ends; the next time it cannot, and is cut off."""
    caught = scene.catch()
    if scene.strike % 2 == 0:
        Timer(GRACE_S, scene.house.gate.open).start()
    caught.worker.end(signal.SIGTERM)
    scene.house.gate.open()


def sweep_killed_mid_duty(scene: FileScene) -> None:
    """Kill -9 of the sweep, just when a part of a killed scoring process and an erased file wait for it."""
    caught = scene.catch()
    kill(caught.pid)
    scene.house.gate.open()
    erased = scene.new_file()
    scene.ends[erased] = "erased"
    scene.ask("DELETE", scene.callers.upload(erased))
    scene.house.reaper.end(signal.SIGKILL)


def gateway_killed_mid_upload(scene: FileScene) -> None:
    """Kill -9 of the gateway while a file is on its way; and an upload whose caller never hears the answer."""
    house, callers = scene.house, scene.callers
    known, broken, unheard = house.stored(), scene.new_file(), scene.new_file()
    callers.begin(unheard).close()
    connection = callers.begin(broken, -LAST_BYTES)
    wait_until(lambda: house.stored() - known, within_s=SEEN_WITHIN_S, what="a part of the upload in the store")
    house.gateway.end(signal.SIGKILL)
    connection.close()
    for file in (broken, unheard):
        callers.upload(file)


def gateway_killed_mid_download(scene: FileScene) -> None:
    """Kill -9 of the gateway while results are read, which the reader then goes on with by Range."""
    file = scene.new_file()
    id = scene.callers.upload(file)
    scene.wait_for_end(id)
    got = bytearray()
    slowly = httpx2.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, HELD_BACK_BYTES)])
    with httpx2.Client(base_url=scene.house.url, transport=slowly, timeout=ANSWERED_WITHIN_S) as client:
        with suppress(httpx2.TransportError), client.stream("GET", f"{PATH}/{id}/results") as answer:
            for piece in answer.iter_bytes(READ_BYTES):
                if not got:
                    scene.house.gateway.end(signal.SIGKILL)
                got += piece
        wait_until(lambda: responds(f"{scene.house.url}/health/live"), within_s=SEEN_WITHIN_S, what="the new gateway")
        assert 0 < len(got) < len(results_of(file)), "the download did not break off"
        rest = client.get(f"{PATH}/{id}/results", headers={"Range": f"bytes={len(got)}-"})
    if bytes(got) + rest.content != results_of(file):
        scene.changed.add(file)


def broker_killed_mid_part(scene: FileScene) -> None:
    """Kill -9 of Valkey while a part is scored and files are sent; it comes back at once and reads its AOF."""
    scene.catch()
    scene.house.broker.end(signal.SIGKILL)
    scene.house.gate.open()


def store_away(scene: FileScene) -> None:
    """Every connection to the object store breaks, and new ones are refused for 10 s, while a part is scored."""
    caught, relay = scene.catch(), scene.house.relay
    assert relay, "this store cannot be cut off"
    relay.cut()
    scene.house.gate.open()
    Event().wait(scene.outage_s)
    assert not scene.has_ended(caught.id), f"it ended while the store was away: {scene.batch(caught.id)}"
    relay.mend()


def store_full(scene: FileScene) -> None:
    """The store's disk has no room for anything of a part's size, results or uploads; then there is room again."""
    house = scene.house
    writers = [pid for worker in house.workers for pid in (worker.pid, *children(worker.pid))]
    limit_files(writers, ROOM_BYTES)
    try:
        id, refused = scene.callers.upload(scene.new_file()), scene.new_file()
        writers.append(house.gateway.pid)
        limit_files(writers, ROOM_BYTES)
        answer = house.client.post(PATH, content=refused.content, headers=refused.headers)
        assert answer.status_code == 503, "an upload was taken that there was no room for"
        Event().wait(scene.outage_s)
        assert not scene.has_ended(id), f"it ended though there was no room for it: {scene.batch(id)}"
    finally:
        limit_files(writers, resource.RLIM_INFINITY)


def poison_in_a_part(scene: FileScene) -> None:
    """A row kills whoever scores it, until its batch has failed; what was done of the file and all others stay."""
    file = scene.new_file(is_poisoned=True)
    scene.ends[file] = "failed"
    id = scene.callers.upload(file)
    scene.wait_for_end(id)
    batch = scene.batch(id)
    assert batch, "no answer"
    assert batch["error"]["code"] == "quarantined", batch["error"]
    assert batch["counts"]["parts_done"] == batch["counts"]["parts"] - 1, batch["counts"]


def canceled_mid_part(scene: FileScene) -> None:
    """A batch is canceled while a part of it is scored, whose worker then comes too late."""
    caught = scene.catch(ends="canceled")
    scene.ask("POST", f"{caught.id}/cancel")
    scene.house.gate.open()


def erased_mid_part(scene: FileScene) -> None:
    """A batch is erased while a part of it is scored, whose worker writes to the store after that was cleared."""
    caught = scene.catch(ends="erased")
    scene.ask("DELETE", caught.id)
    wait_until(lambda: caught.id not in scene.house.stored(), within_s=SEEN_WITHIN_S, what="the store to be cleared")
    scene.house.gate.open()


def last_message_lost(scene: FileScene) -> None:
    """The newest message of the bulk queue is lost, and nothing comes after it that would tell."""
    with away_from_queue(scene):
        scene.callers.upload(scene.new_file())
        with scene.house.ledger() as (redis, _):
            wait_until(lambda: redis.lpop(BULK), within_s=SEEN_WITHIN_S, what="a message to lose")


def queue_flushed(scene: FileScene) -> None:
    """The bulk queue is deleted with every message in it."""
    with away_from_queue(scene):
        for _ in range(2):
            scene.callers.upload(scene.new_file())
        with scene.house.ledger() as (redis, _):
            wait_until(lambda: redis.delete(BULK), within_s=SEEN_WITHIN_S, what="a queue to flush")


@contextmanager
def away_from_queue(scene: FileScene) -> Iterator[None]:
    """Keep the workers from taking messages."""
    scene.callers.finish(SEEN_WITHIN_S)  # so that no message follows by chance
    for worker in scene.house.workers:
        worker.send(signal.SIGSTOP)
    try:
        with scene.house.ledger() as (redis, _):  # a message could still go to one that asked before it was stopped
            wait_until(
                lambda: redis.info("clients")["blocked_clients"] == 0, within_s=SEEN_WITHIN_S, what="the last to ask"
            )
        yield
    finally:
        for worker in scene.house.workers:
            worker.send(signal.SIGCONT)


def limit_files(pids: list[int], most_bytes: int) -> None:
    """Let no file that these processes write grow beyond a size, as `tests.faults.narrow_disk` does."""
    for pid in pids:
        with suppress(ProcessLookupError):
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most_bytes, hard))


FILE_FAULTS = [
    FileFault(worker_killed_mid_part),
    FileFault(worker_frozen_mid_part),
    FileFault(worker_stopped_mid_part),
    FileFault(sweep_killed_mid_duty),
    FileFault(gateway_killed_mid_upload),
    FileFault(gateway_killed_mid_download),
    FileFault(broker_killed_mid_part),
    FileFault(store_full),
    FileFault(poison_in_a_part),
    FileFault(canceled_mid_part),
    FileFault(erased_mid_part),
    FileFault(last_message_lost),
    FileFault(queue_flushed),
    FileFault(store_away, build=house_with_bucket),
    *SURROUNDING_FAULTS,
]
