"""Watching traffic: an interface, a pipe, a file that grows or one that is complete, judged while it comes in."""

from __future__ import annotations

from dsrcheck.live.model import Aged, KeptFile, Rates, Snapshot, State, Watch

__all__ = ["Aged", "KeptFile", "Rates", "Snapshot", "State", "Watch"]
