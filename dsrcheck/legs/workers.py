"""Captures folded by several processes of this machine.

Processes, because the fold holds the interpreter's lock: two threads are no faster than one. Tables come back through
a file in memory that both sides map, not through a pipe.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from dsrcheck.capture.source import PIECE_BYTES, size_of_files
from dsrcheck.capture.split import Piece, split
from dsrcheck.kernel.fold import LEG_LIMIT
from dsrcheck.legs.chain import Later, read_spread
from dsrcheck.legs.errors import WorkerError
from dsrcheck.legs.model import Legs
from dsrcheck.legs.pieces import fold_piece
from dsrcheck.legs.read import Watch, read_capture, read_legs
from dsrcheck.records import dataclass

MEMORY_FOLDER = Path("/dev/shm")
MOST_JOBS = 256


@dataclass(frozen=True)
class Board:
    """What workers and their parent tell each other while they work: bytes and frames read so far, and when to stop."""

    read: Synchronized[int]
    frames: Synchronized[int]
    stop: Synchronized[int]

    def count(self, read: int, frames: int) -> bool:
        """Add what a worker has read; tell it whether to stop."""
        with self.read.get_lock():
            self.read.value += read
            self.frames.value += frames
        return bool(self.stop.value)


@dataclass(frozen=True)
class Parcel:
    """A pickled object whose big buffers lie one after another in a file."""

    content: bytes
    path: str
    sizes: tuple[int, ...]

    @staticmethod
    def pack(thing: object, folder: str) -> Parcel:
        """Write the buffers of a thing to a file of their own."""
        buffers: list[pickle.PickleBuffer] = []
        content = pickle.dumps(thing, protocol=5, buffer_callback=buffers.append)
        views = [buffer.raw() for buffer in buffers]
        handle, path = tempfile.mkstemp(dir=folder)
        with open(handle, "wb") as file:
            for view in views:
                file.write(view)
        return Parcel(content, path, tuple(view.nbytes for view in views))

    def unpack(self) -> Any:
        """The thing, over memory of its own; the file is gone."""
        buffers: list[memoryview] = []
        with open(self.path, "r+b") as file:
            os.unlink(self.path)
            if sum(self.sizes):
                view = memoryview(mmap.mmap(file.fileno(), sum(self.sizes)))
            else:
                view = memoryview(bytearray())
        at = 0
        for size in self.sizes:
            buffers.append(view[at : at + size])
            at += size
        return pickle.loads(self.content, buffers=buffers)


_board: Board | None = None
_folder = ""


def _begin(board: Board, folder: str) -> None:
    """Make this process a worker: Ctrl-C is its parent's to understand."""
    global _board, _folder
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _board, _folder = board, folder


def _start_method() -> str:
    """A fork costs next to nothing, a fresh interpreter a quarter of a second; but a fork copies locks others hold."""
    return "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"


@contextmanager
def _starting() -> Iterator[None]:
    """While processes may begin, hold Ctrl-C back: they never hear of it, not even before `_begin`."""
    masks = hasattr(signal, "pthread_sigmask")
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masks else set()
    try:
        with warnings.catch_warnings():
            # Python 3.12 and later warn of threads at a fork; NumPy's, which do nothing here, are no danger.
            warnings.filterwarnings("ignore", r"This process .* is multi-threaded", DeprecationWarning)
            yield
    finally:
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _fold_piece(piece: Piece, leg_limit: int) -> Parcel:
    return Parcel.pack(fold_piece(piece, leg_limit, _board.count if _board else None), _folder)


def _read_capture(path: str, leg_limit: int) -> Parcel:
    return Parcel.pack(read_capture(path, leg_limit, _board.count if _board else None), _folder)


class Workers:
    """Some processes that fold; made by `workers`. `watch` is called while somebody waits for them."""

    def __init__(self, executor: ProcessPoolExecutor, board: Board, watch: Watch | None) -> None:
        self._executor = executor
        self._board = board
        self._watch = watch
        self._told = (0, 0)

    def fold(self, piece: Piece, leg_limit: int) -> Later:
        """Have a piece folded."""
        with _starting():
            return Delivery(self, self._executor.submit(_fold_piece, piece, leg_limit))

    def read(self, path: str, leg_limit: int) -> Delivery:
        """Have a whole capture folded."""
        with _starting():
            return Delivery(self, self._executor.submit(_read_capture, path, leg_limit))

    def wait(self, future: Future[Parcel]) -> Parcel:
        """Wait for one, and tell the watch of all."""
        while True:
            try:
                parcel = future.result(timeout=None if self._watch is None else TICK)
                self.tell()
                return parcel
            except BrokenProcessPool:
                raise WorkerError(
                    "a process that read was killed, for want of memory perhaps; with --jobs 1 one process reads"
                ) from None
            except TimeoutError:
                if future.done():
                    raise
            self.tell()

    def tell(self) -> None:
        """Tell the watch what has been read since, and the workers to stop if it says so."""
        if self._watch is not None:
            now = (self._board.read.value, self._board.frames.value)
            if self._watch(now[0] - self._told[0], now[1] - self._told[1]):
                self._board.stop.value = 1
            self._told = now


TICK = 0.1
"""Seconds between looks at the board."""


@dataclass(frozen=True)
class Delivery:
    """What a worker is about to deliver."""

    workers: Workers
    future: Future[Parcel]

    def result(self) -> Any:
        """Wait for it and unpack it."""
        return self.workers.wait(self.future).unpack()

    def cancel(self) -> object:
        """Have it not done, if it is not being done yet."""
        return self.future.cancel()


@contextmanager
def workers(jobs: int, watch: Watch | None) -> Iterator[Workers]:
    """Some processes that fold; gone, with all that they left behind, when the block ends."""
    context = multiprocessing.get_context(_start_method())
    board = Board(context.Value("q", 0), context.Value("q", 0), context.Value("b", 0))
    folder = tempfile.mkdtemp(prefix="dsrcheck-", dir=MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK) else None)
    executor = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(board, folder))
    try:
        yield Workers(executor, board, watch)
    finally:
        board.stop.value = 1
        executor.shutdown(cancel_futures=True)
        shutil.rmtree(folder, ignore_errors=True)


def read_legs_by(
    names: Sequence[str],
    jobs: int,
    leg_limit: int = LEG_LIMIT,
    watch: Watch | None = None,
    least: int = PIECE_BYTES,
) -> Legs:
    """What `read_legs` returns, by `jobs` processes: of several files, and of pieces of big ones.

    `least`: bytes that are worth a process more. Raises CaptureError, WorkerError.
    """
    total = size_of_files(names)
    if total < 2 * least or (len(names) == 1 and not split(names[0], 2, least)):
        return read_legs(names, leg_limit, watch)
    with workers(min(jobs, MOST_JOBS), watch) as pool:
        return read_spread(names, pool, max(total // jobs, least), leg_limit, watch, least)
