"""The course of watching one capture: pieces come, what is old leaves, the rest is judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, replace

from dsrcheck.analysis import Analysis
from dsrcheck.legs import Legs
from dsrcheck.live.aging import Keeping, age
from dsrcheck.live.feed import Feed
from dsrcheck.live.model import Aged, KeptFile, Rates, Snapshot, State
from dsrcheck.live.pieces import SECOND, Piece, Pieces
from dsrcheck.live.rates import add_piece
from dsrcheck.live.spool import Spool
from dsrcheck.records import dataclass
from dsrcheck.text import printable

Judge = Callable[[Legs], Analysis]


@dataclass(frozen=True)
class Pace:
    """How a watch divides its work. `every`: seconds of capture time between two judgements, None: only at the end.

    `idle`: seconds without a frame after which a flow is kept in sums only, None: never. `most_legs`: beyond that the
    oldest flows leave sooner; a flood of ever new flows takes some 300 MB by default. `tick`: seconds of the wall clock
    between two looks at what is still coming in.
    """

    every: float | None = 1.0
    idle: float | None = 60.0
    most_legs: int = 100_000
    tick: float = 1.0


class Course:
    """Watches one capture to its end. `done`: the captures before it, to be judged with it; then nothing may age.

    `rates`: what was told of those. `spool`: keeps its frames on disk.
    """

    def __init__(
        self,
        feed: Feed,
        judge: Judge,
        pace: Pace,
        spool: Spool | None,
        done: Sequence[Legs],
        rates: Rates,
    ) -> None:
        self.kept = Legs.none()
        self.rates = rates
        self._feed = feed
        self._judge = judge
        self._pace = pace
        self._spool = spool
        self._done = done
        self._aged = self._gone = Aged()
        self._analysis: Analysis | None = None
        self._told: Snapshot | None = None

    def run(self, pieces: Pieces) -> Iterator[Snapshot]:
        """Yield a snapshot for each piece, and one when something changes while nothing comes."""
        pieces.start()
        patient, tick = self._feed.patient, self._pace.tick
        pause, quiet_since = 0.0, time.monotonic()
        while True:
            piece = pieces.take(None if patient else tick, pause)
            started = time.monotonic()
            if piece is not None:
                quiet_since = started
                self._told = self._on_piece(piece)
                yield self._told
                if piece.last:
                    return
            elif pieces.opened:
                yield from self._on_silence(started - quiet_since)
            # What is read meanwhile is not lost; but at most half of the time goes into judging.
            pause = 0.0 if patient else max(tick, time.monotonic() - started) if piece is not None else 0.0

    def _on_piece(self, piece: Piece) -> Snapshot:
        self._let_go(0.0)
        legs = Legs.merge(self.kept, piece.legs)
        (facts,) = piece.legs.captures
        some = legs.totals["frames"] > 0
        trouble = self._feed.trouble(piece.last)
        facts = replace(
            facts,
            bytes=legs.totals["bytes"],
            first_time=legs.totals["first_time"] if some else None,
            last_time=legs.totals["last_time"] if some else None,
            truncated=facts.truncated or (f"the capture ended early: {trouble}" if piece.last and trouble else None),
        )
        self.kept = replace(legs, captures=(facts,))
        analysis = self._judge_kept()
        if not self._done:  # frames are numbered anew in each capture
            self.rates = add_piece(self.rates, piece, analysis.sides)
        state = State.CAPTURING
        if piece.last:
            state = State.FAILED if trouble else State.INTERRUPTED if facts.interrupted else State.ENDED
        return self._snapshot(state, trouble)

    def _on_silence(self, quiet: float) -> Iterator[Snapshot]:
        """What gets old while nothing comes, and an interface that goes down."""
        before = self.kept
        self._let_go(quiet)
        if self._told is None:
            self._judge_kept()
        trouble = self._feed.trouble(ended=False)
        changed = any(
            len(getattr(before, name)) != len(getattr(self.kept, name)) for name in ("legs", "claims", "icmp")
        )
        if changed:
            self._judge_kept()
        snapshot = replace(self._snapshot(State.CAPTURING, trouble), silence=quiet)
        if changed or self._told is None or snapshot.trouble != self._told.trouble:
            self._told = snapshot
            yield snapshot

    def _let_go(self, quiet: float) -> None:
        """Let what is old leave, `quiet` seconds after the last frame."""
        if self._pace.idle is None or self._analysis is None or self._done or not self.kept.totals["frames"]:
            return
        since = self.kept.totals["last_time"] + round((quiet - self._pace.idle) * SECOND)
        self.kept, gone = age(self._analysis.sides, Keeping(max(since, 0), self._pace.most_legs))
        self._gone = gone

    def _judge_kept(self) -> Analysis:
        self._aged = Aged(*map(sum, zip(astuple(self._aged), astuple(self._gone), strict=True)))
        self._gone = Aged()
        analysis = self._judge(Legs.join([*self._done, self.kept]))
        if self._aged.legs:
            report = analysis.report
            notes = (*report.notes, _note(self._aged, self._pace.idle))
            analysis = replace(analysis, report=replace(report, notes=notes))
        self._analysis = analysis
        return analysis

    def _snapshot(self, state: State, trouble: str | None) -> Snapshot:
        assert self._analysis is not None
        legs = self._analysis.sides.scene.legs
        drops = [facts.dropped for facts in legs.captures if facts.dropped is not None]
        cut = [printable(facts.truncated) for facts in legs.captures if facts.truncated is not None and not trouble]
        some = legs.totals["frames"] > 0
        return Snapshot(
            analysis=self._analysis,
            frames=sum(facts.frames for facts in legs.captures),
            bytes=legs.totals["bytes"],
            dropped=sum(drops) if drops else None,
            first_time=legs.totals["first_time"] if some else None,
            last_time=legs.totals["last_time"] if some else None,
            seconds=self.rates,
            aged=self._aged,
            idle=self._pace.idle,
            state=state,
            trouble="; ".join(part for part in (trouble, *cut, self._spool and self._spool.trouble) if part) or None,
            files=self._files(),
        )

    def _files(self) -> tuple[KeptFile, ...]:
        return self._spool.files if self._spool is not None else ()


def _note(aged: Aged, idle: float | None) -> str:
    return (
        f"{aged.legs:,} legs ({aged.frames:,} frames, {aged.bytes:,} bytes) are counted in the totals only: nothing"
        f" came on their flows for {idle:g} s, or there were too many."
    )
