"""Captures made fit to be shown to others: other MACs and addresses, no payloads, and the same verdicts."""

from __future__ import annotations

from dsrcheck.scrub.names import MapError, Pseudonyms, read_map
from dsrcheck.scrub.scrub import scrub

__all__ = ["MapError", "Pseudonyms", "read_map", "scrub"]
