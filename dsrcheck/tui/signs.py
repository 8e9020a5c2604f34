"""Signs and tones of verdicts and severities: the sign tells, the colour repeats it."""

from __future__ import annotations

from dsrcheck.findings import FAIL, NOT_APPLICABLE, NOT_OBSERVED, PASS
from dsrcheck.report.model import INCONCLUSIVE

SIGNS = {
    FAIL: "✗", PASS: "✓", NOT_OBSERVED: "?", NOT_APPLICABLE: "–", INCONCLUSIVE: "?",
    "error": "✗", "warning": "!", "info": "i",
}  # fmt: skip
COLOURS = {
    FAIL: "$error", PASS: "$success", NOT_OBSERVED: "$warning", NOT_APPLICABLE: "$faint",
    INCONCLUSIVE: "$warning", "error": "$error", "warning": "$warning", "info": "$accent",
}  # fmt: skip
FAINT = "$faint"
STEP_COLOURS = {1: "$accent", 2: "$secondary", 3: "$success", 4: "$success"}
"""Request, forward, reply, return."""
