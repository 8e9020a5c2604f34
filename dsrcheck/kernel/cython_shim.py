"""Stands in for the `cython` package where it is not installed: the kernel then runs interpreted."""

from __future__ import annotations

compiled = False
