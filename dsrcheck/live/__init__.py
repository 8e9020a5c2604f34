"""Watching traffic: an interface, a pipe, a file that grows or one that is complete, judged while it comes in."""

from __future__ import annotations

from dsrcheck.live.course import Judge, Pace
from dsrcheck.live.model import Aged, KeptFile, Rates, Snapshot, State, Watch
from dsrcheck.live.spool import Spool, TemporarySpool
from dsrcheck.live.watch import watch_files, watch_interfaces, watch_stream

__all__ = [
    "Aged",
    "Judge",
    "KeptFile",
    "Pace",
    "Rates",
    "Snapshot",
    "Spool",
    "State",
    "TemporarySpool",
    "Watch",
    "watch_files",
    "watch_interfaces",
    "watch_stream",
]
