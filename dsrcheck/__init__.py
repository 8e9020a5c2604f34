"""Judges direct server return (DSR) load balancing from packet captures.

`dsrcheck.analyze("capture.pcap")` gives an `Analysis`: its `report` holds the verdicts and findings, and `legs`,
`flows`, `claims` and `findings` are pandas tables. Nothing heavy is imported before `analyze` is first touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsrcheck.analysis import Analysis, analyze

__version__ = "0.1.0"
__all__ = ["Analysis", "__version__", "analyze"]


def __getattr__(name: str) -> object:
    if name not in ("Analysis", "analyze"):
        raise AttributeError(f"module 'dsrcheck' has no attribute {name!r}")
    from dsrcheck import analysis

    return getattr(analysis, name)
