"""Captures folded by the workers of a Dask cluster, which read them from storage that all of them reach."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import TYPE_CHECKING, Any

from dsrcheck.capture.source import PIECE_BYTES, STANDARD_INPUT, file_size
from dsrcheck.capture.split import Piece
from dsrcheck.compiled import kernel_state
from dsrcheck.kernel.fold import LEG_LIMIT
from dsrcheck.legs.chain import read_spread
from dsrcheck.legs.errors import ClusterError, WorkerError
from dsrcheck.legs.model import Legs
from dsrcheck.legs.pieces import Part, fold_piece, unread
from dsrcheck.legs.read import Watch, read_capture
from dsrcheck.records import dataclass

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"
"""Stands for a cluster of this machine's cores, in place of an address."""
MOST_BYTES = 1 << 30
"""Of a piece: what a worker loses has to be folded again."""
RETRIES = 3
PATIENCE = 30
"""Seconds to wait for a scheduler."""
TICK = 0.1
"""Seconds between looks at the clock of whoever watches."""


def identity() -> str:
    """What must be the same here and there for parts to fit: version, and how the kernel runs."""
    return f"dsrcheck {metadata.version('dsrcheck')}, {kernel_state()} kernel"


def _checked(ours: str) -> None:
    if identity() != ours:
        raise WorkerError(f"a worker of the cluster runs {identity()}, here is {ours}; install the same on both")


def _fold_piece(piece: Piece, leg_limit: int, ours: str) -> Part:
    _checked(ours)
    return fold_piece(piece, leg_limit)


def _read_capture(path: str, leg_limit: int, ours: str) -> Legs:
    _checked(ours)
    return read_capture(path, leg_limit)


@dataclass(frozen=True)
class Delivery:
    """What a worker of the cluster is about to deliver. `stopped` makes what stands for it when nobody waits for it."""

    future: Any
    watch: Watch | None
    stopped: Callable[[], Part] | None
    size: int

    def result(self) -> Any:
        """Wait for it, as long as the watch has patience. Raises WorkerError when the cluster cannot do it."""
        from distributed import CancelledError, KilledWorker

        try:
            while not self._is_done():
                if self.watch is not None and self.watch(0, 0) and self.stopped is not None:
                    self.cancel()
                    return self.stopped()
            thing = self.future.result()
        except KilledWorker:
            raise WorkerError("the workers of the cluster that read one piece were killed, one after another") from None
        except CancelledError:
            raise WorkerError("the cluster is gone: its scheduler does not answer any more") from None
        if self.watch is not None and isinstance(thing, Part):
            self.watch(self.size, thing.frames)
        return thing

    def _is_done(self) -> bool:
        """Wait a moment for it. Not by result(timeout), which would break off the transfer of a big result."""
        from distributed import wait

        try:
            wait(self.future, timeout=TICK)
        except TimeoutError:
            return False
        return True

    def cancel(self) -> object:
        """Have it not done."""
        return self.future.cancel()


class Cluster:
    """The workers of a Dask cluster, as a pool that folds."""

    def __init__(self, client: Client, watch: Watch | None) -> None:
        self._client = client
        self._watch = watch

    def fold(self, piece: Piece, leg_limit: int) -> Delivery:
        """Have a piece folded."""
        future = self._submit(_fold_piece, piece, leg_limit)
        size = (piece.stop or file_size(piece.path)) - piece.start
        return Delivery(future, self._watch, lambda: unread(piece), size)

    def read(self, path: str, leg_limit: int) -> Delivery:
        """Have a whole capture folded."""
        return Delivery(self._submit(_read_capture, path, leg_limit), self._watch, None, file_size(path))

    def _submit(self, call: Callable[..., object], thing: object, leg_limit: int) -> Any:
        # pure: a result that another session left on the cluster may be of another file by now
        return self._client.submit(call, thing, leg_limit, identity(), pure=False, retries=RETRIES)


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """A client of the cluster at an address such as tcp://scheduler:8786, or of one made for the moment (`local`)."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ClusterError("a cluster takes Dask: pip install 'dsrcheck[dask]'") from None
    if address == LOCAL:
        with (
            LocalCluster(threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler answers at {address}: {error}") from None
    with client:
        yield client


def read_legs_on(
    address: str,
    names: Sequence[str],
    leg_limit: int = LEG_LIMIT,
    watch: Watch | None = None,
    least: int = PIECE_BYTES,
) -> Legs:
    """What `read_legs` returns, by a Dask cluster: names are those by which its workers find the captures.

    Raises CaptureError, WorkerError.
    """
    with connected(address) as client:
        total = sum(file_size(name) for name in names if name != STANDARD_INPUT)
        share = max(min(total // max(len(client.nthreads()), 1), MOST_BYTES), least)
        return read_spread(names, Cluster(client, watch), share, leg_limit, watch, least)
