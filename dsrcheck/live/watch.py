"""The watches that there are: of captures one after the other, of a capture that grows, of interfaces."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike

from dsrcheck.capture import Capture, CaptureError
from dsrcheck.capture.source import STANDARD_INPUT
from dsrcheck.kernel.fold import LEG_LIMIT
from dsrcheck.legs import Legs
from dsrcheck.live.course import Course, Judge, Pace
from dsrcheck.live.feed import Feed, FileFeed, InterfaceFeed
from dsrcheck.live.model import KeptFile, Rates, Snapshot
from dsrcheck.live.pieces import Pieces
from dsrcheck.live.spool import Spool, TemporarySpool
from dsrcheck.text import printable

Path = str | PathLike[str]


class CaptureWatch:
    """Watches captures one after the other, and judges them together; its methods: `Watch`.

    `judge`: makes the analysis of the legs that are kept. `spool`: where to keep the frames of what is no file.
    """

    def __init__(self, feeds: Sequence[Feed], judge: Judge, pace: Pace, spool: Spool | None = None) -> None:
        self.name = ", ".join(printable(feed.name) for feed in feeds)
        self._feeds = feeds
        self._judge = judge
        self._pace = pace
        self._spool = spool
        self._stopped = False
        self._files = tuple(KeptFile(feed.name) for feed in feeds if isinstance(feed, FileFeed) and feed.is_file)

    def snapshots(self) -> Iterator[Snapshot]:
        """Yield what is known, about once a second while something changes, and a last time when it has ended."""
        done: list[Legs] = []
        rates = Rates()
        begun = False
        try:
            for feed in self._feeds:
                course = Course(feed, self._judge, self._pace, self._spool, done, rates)
                pieces = Pieces(partial(self._open, feed), self._pace.every, feed.patient, self._pace.most_legs)
                for snapshot in course.run(pieces):
                    begun = begun or snapshot.frames > 0
                    yield replace(snapshot, files=snapshot.files or self._files)
                done.append(course.kept)
                rates = course.rates
        except CaptureError:
            if begun or not self._stopped:
                raise  # else nothing had come when it was ended: that is no error
        finally:
            self.stop()
            if self._spool is not None:
                self._spool.close()

    def stop(self) -> None:
        """End it, from any thread; `snapshots` yields what came by then, and ends. Allowed in a signal handler."""
        self._stopped = True
        for feed in self._feeds:
            feed.stop()

    def save(self, path: Path) -> None:
        """Write the frames seen so far, as many as are kept on disk, to a file. Raises OSError, CaptureError."""
        if self._spool is not None:
            self._spool.save(path)
        elif len(self._files) == 1:
            shutil.copyfile(self._files[0].path, path)
        else:
            raise CaptureError(self.name, "its frames are not kept, or are in several files already")

    def _open(self, feed: Feed) -> Capture:
        capture = feed.open()
        if self._spool is not None:
            self._spool.follow(capture)
        return capture


def watch_files(paths: Sequence[Path], judge: Judge) -> CaptureWatch:
    """Captures that are complete (or a pipe that ends), judged as `dsrcheck.analyze` judges them: nothing ages."""
    spool = TemporarySpool() if [*map(str, paths)] == [STANDARD_INPUT] else None
    return CaptureWatch(
        [FileFeed(path) for path in paths], judge, Pace(every=None, idle=None, most_legs=LEG_LIMIT), spool
    )


def watch_stream(
    path: Path, judge: Judge, follow: bool = False, pace: Pace | None = None, spool: Spool | None = None
) -> CaptureWatch:
    """A capture as it comes: a pipe, standard input (`-`), a file; `follow`: a file that grows."""
    return CaptureWatch([FileFeed(path, follow)], judge, pace or Pace(), spool)


def watch_interfaces(
    interfaces: Sequence[str],
    judge: Judge,
    capture_filter: str | None = None,
    pace: Pace | None = None,
    spool: Spool | None = None,
) -> CaptureWatch:
    """Interfaces, by dumpcap. Nothing is kept on disk without a spool."""
    return CaptureWatch([InterfaceFeed(interfaces, capture_filter)], judge, pace or Pace(), spool)
