"""The tables that the kernel's fold leaves, legs and claims above all, as NumPy columns; and their merge."""

from __future__ import annotations

from dsrcheck.legs.model import CapturedInterface, CaptureFacts, Legs
from dsrcheck.legs.read import read_legs
from dsrcheck.legs.table import Table

__all__ = ["CaptureFacts", "CapturedInterface", "Legs", "Table", "read_legs"]
