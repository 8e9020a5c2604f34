"""From a folder to a case: every key of `case.toml` is checked here, with its line and what may have been meant."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dsrcheck.addresses import mac_text, parse_mac
from dsrcheck.findings import FAIL, NOT_APPLICABLE, NOT_OBSERVED, PASS, SEVERITIES
from dsrcheck.golden import CASE_FILE, EXPECTED_FILE, MARKER, CaseError
from dsrcheck.golden.assertions import (
    ANY,
    EACH,
    NONE,
    Assertion,
    FindingCount,
    ReportVerdict,
    RuleVerdict,
    VipFacts,
)
from dsrcheck.records import dataclass
from dsrcheck.report.model import INCONCLUSIVE
from dsrcheck.rules.source import RuleError, Source, meant, read_source
from dsrcheck.text import printable
from dsrcheck.topology.model import MODES

UNFILLED = "FILL IN"
"""How the texts begin that `golden new` leaves for somebody to write."""
TEXT_LIMIT = 4000
ENTRY_LIMIT = 500
CAPTURE_LIMIT = 16

EXPECTATIONS = ("dsr", "any", *(mode for mode in MODES if mode != "unknown"))
_KEYS = ("dsrcheck", "about", "captures", "topology", "expect", "vip", "provenance", "lab", "assert")
_PROVENANCE = ("source", "software", "run", "vantage", "setup", "cut", "scrubbed", "licence")
_LAB = ("scenario", "fault", "host", "vantage", "seed")
_RULE_WORDS = {"rule": EACH, "any_of": ANY, "none_of": NONE}
_ASSERT = {
    "report": ("report",),
    "mode": ("vip", "mode", "servers", "balancers"),
    "servers": ("vip", "mode", "servers", "balancers"),
    "balancers": ("vip", "mode", "servers", "balancers"),
    "count": ("vip", "rule", "severity", "besides", "count"),
    "verdict": ("vip", *_RULE_WORDS, "verdict", "culprit", "frames"),
}
"""By the first of these keys that an assertion has: the keys it may have."""
_ASSERT_KEYS = tuple(dict.fromkeys(key for keys in _ASSERT.values() for key in keys))
_MAC_LIKE = re.compile(r"[0-9A-Fa-f]{1,2}([:-][0-9A-Fa-f]{1,2}){5}")
_RULE_ID = re.compile(r"[A-Z]{2,12}[0-9]{3}")


@dataclass(frozen=True)
class Lab:
    """What makes the capture again, to the octet: the arguments of `dsrcheck lab run`."""

    scenario: str
    vantage: str
    fault: str | None = None
    host: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class Case:
    """A case as its file tells it. captures, topology: paths; `unfilled`: keys that still wait for somebody's words."""

    folder: Path
    about: str
    captures: tuple[Path, ...]
    topology: Path | None
    expect: str
    provenance: Mapping[str, str]
    lab: Lab | None
    assertions: tuple[Assertion, ...]
    unfilled: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def expected(self) -> Path:
        """The report as accepted."""
        return self.folder / EXPECTED_FILE


def read_case(folder: Path) -> Case:
    """Read and check a case. Raises CaseError."""
    path = folder / CASE_FILE
    try:
        return _Reader(read_source(path, str(path)), folder).case()
    except RuleError as error:  # files of rules and of cases are read alike
        raise CaseError(str(error)) from None


class _Reader:
    """Checks one case.toml key by key."""

    def __init__(self, source: Source, folder: Path) -> None:
        self.source, self.folder = source, folder
        self.document = source.document
        self.default_vip: str | None = None

    def case(self) -> Case:
        if self.document.get("dsrcheck") != MARKER:
            raise self.source.error(f'a case of dsrcheck says so: dsrcheck = "{MARKER}"', "dsrcheck")
        self.check_keys(self.document, _KEYS, "a case")
        self.default_vip = self.address(self.document, "vip")
        about, provenance = self.text(self.document, "about"), self.provenance()
        return Case(
            folder=self.folder,
            about=about,
            captures=self.captures(),
            topology=self.topology(),
            expect=self.one_of(self.document, "expect", EXPECTATIONS) if "expect" in self.document else "dsr",
            provenance=provenance,
            lab=self.lab(),
            assertions=tuple(self.assertion(table, number) for number, table in enumerate(self.assert_tables())),
            unfilled=tuple(
                key for key, text in {"about": about, **provenance}.items() if text.startswith(UNFILLED)
            ),
        )  # fmt: skip

    def provenance(self) -> dict[str, str]:
        table = self.table("provenance", _PROVENANCE)
        if not table and "lab" not in self.document:
            raise self.source.error("where does the capture come from? Say it in [provenance], or in [lab]")
        if table:
            for key in ("source", "software"):
                self.text(table, key, "provenance")
        return {key: self.text(table, key, "provenance") for key in table}

    def captures(self) -> tuple[Path, ...]:
        if "captures" in self.document:
            names = self.texts(self.document, "captures", CAPTURE_LIMIT)
            return tuple(self.inside(name, "captures") for name in names)
        found = sorted(path for path in self.folder.glob("capture.*") if path.is_file())
        if len(found) != 1:
            named = f" ({', '.join(printable(path.name) for path in found[:5])})" if found else ""
            raise self.source.error(
                f'{len(found)} files are named capture.*{named}; name those to judge: captures = ["..."]'
            )
        return tuple(found)

    def topology(self) -> Path | None:
        return self.inside(self.text(self.document, "topology"), "topology") if "topology" in self.document else None

    def inside(self, name: str, key: str) -> Path:
        """A file of the case's own folder: a case that reads elsewhere is not whole, and may be meant ill."""
        path = self.folder / name
        if Path(name).name != name or name in (".", ".."):
            raise self.source.error(f"{key}: {printable(name, 60)!r} must be the name of a file in this folder", key)
        if not path.is_file():
            raise self.source.error(f"{key}: there is no file {printable(name, 60)!r} in this folder", key)
        return path

    def lab(self) -> Lab | None:
        if "lab" not in self.document:
            return None
        table = self.table("lab", _LAB)
        seed = table.get("seed", 0)
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise self.source.error("seed: must be a whole number", "seed", "lab")
        texts = {key: self.text(table, key, "lab") for key in ("fault", "host") if key in table}
        return Lab(self.text(table, "scenario", "lab"), self.text(table, "vantage", "lab"), seed=seed, **texts)

    def assert_tables(self) -> list[dict[str, Any]]:
        tables = self.document.get("assert", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self.source.error("assert: must be tables [[assert]]", "assert")
        if len(tables) > ENTRY_LIMIT:
            raise self.source.error(f"assert: are more than {ENTRY_LIMIT}", "assert")
        return tables

    def assertion(self, table: Mapping[str, Any], number: int) -> Assertion:
        place = ("assert", number)
        self.check_keys(table, _ASSERT_KEYS, "an assertion", *place)
        kind = next((key for key in _ASSERT if key in table), None)
        if kind is None:
            raise self.source.error(
                "it asserts nothing: it needs one of report, verdict, count, mode, servers, balancers", "", *place
            )
        self.check_keys(table, _ASSERT[kind], f"an assertion on {kind}", *place)
        line = self.source.lines.get(("assert", number, ""), 1)
        vip = self.address(table, "vip", *place) or self.default_vip
        if kind == "report":
            return ReportVerdict(line, self.one_of(table, "report", (PASS, FAIL, INCONCLUSIVE), *place))
        if kind == "count":
            return self.finding_count(table, number, line, vip)
        if kind == "verdict":
            return self.rule_verdict(table, number, line, vip)
        if vip is None:
            raise self.source.error(f"{kind}: of which VIP? vip is missing", kind, *place)
        modes = self.texts(table, "mode", 20, *place) if "mode" in table else ()
        for mode in modes:
            if mode not in MODES:
                raise self.source.error(f"mode: {printable(mode, 40)!r} is no mode{meant(mode, MODES)}", "mode", *place)
        hosts = {key: self.macs(table, key, number) for key in ("servers", "balancers") if key in table}
        return VipFacts(line, vip, modes, hosts.get("servers"), hosts.get("balancers"))

    def finding_count(self, table: Mapping[str, Any], number: int, line: int, vip: str | None) -> FindingCount:
        place = ("assert", number)
        if ("rule" in table) == ("severity" in table):
            raise self.source.error("count: of findings of a rule, or of a severity: one of the two", "count", *place)
        rules = self.rule_ids(table, "rule", number) if "rule" in table else ()
        severity = self.one_of(table, "severity", SEVERITIES, *place) if "severity" in table else None
        besides = self.rule_ids(table, "besides", number) if "besides" in table else ()
        return FindingCount(line, self.whole(table["count"], "count", 0, number), rules, severity, besides, vip)

    def rule_verdict(self, table: Mapping[str, Any], number: int, line: int, vip: str | None) -> RuleVerdict:
        place = ("assert", number)
        words = [word for word in _RULE_WORDS if word in table]
        if len(words) != 1:
            raise self.source.error("verdict: of which rules? One of rule, any_of, none_of", "verdict", *place)
        verdict = self.one_of(table, "verdict", (PASS, FAIL, NOT_OBSERVED, NOT_APPLICABLE), *place)
        for key in ("culprit", "frames"):
            if key in table and (verdict != FAIL or words == ["none_of"]):
                raise self.source.error(f"{key}: only a rule that is to fail has one", key, *place)
        frames = table.get("frames", [])
        if not isinstance(frames, list) or len(frames) > ENTRY_LIMIT:
            raise self.source.error("frames: must be a list of numbers", "frames", *place)
        return RuleVerdict(
            line=line,
            rules=self.rule_ids(table, words[0], number),
            how=_RULE_WORDS[words[0]],
            verdict=verdict,
            vip=vip,
            culprits=self.macs(table, "culprit", number) if "culprit" in table else None,
            frames=tuple(self.whole(frame, "frames", 1, number) for frame in frames),
        )

    def rule_ids(self, table: Mapping[str, Any], key: str, number: int) -> tuple[str, ...]:
        ids = self.texts(table, key, ENTRY_LIMIT, "assert", number)
        for rule in ids:
            if not _RULE_ID.fullmatch(rule):
                raise self.source.error(
                    f"{key}: {printable(rule, 40)!r} is no rule id like DSR202", key, "assert", number
                )
        return ids

    def macs(self, table: Mapping[str, Any], key: str, number: int) -> frozenset[str]:
        """MACs, or addresses, as reports write them."""
        return frozenset(self.host(text, key, number) for text in self.texts(table, key, ENTRY_LIMIT, "assert", number))

    def host(self, text: str, key: str, number: int) -> str:
        try:
            return mac_text(parse_mac(text)) if _MAC_LIKE.fullmatch(text) else str(ipaddress.ip_address(text))
        except ValueError:
            message = f"{key}: {printable(text, 60)!r} is neither a MAC nor an address"
            raise self.source.error(message, key, "assert", number) from None

    def whole(self, value: object, key: str, least: int, number: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.source.error(f"{key}: must be a whole number from {least}", key, "assert", number)
        return value

    def table(self, key: str, known: Iterable[str]) -> Mapping[str, Any]:
        table = self.document.get(key, {})
        if not isinstance(table, dict):
            raise self.source.error(f"{key}: must be a table [{key}]", key)
        self.check_keys(table, known, f"[{key}]", key)
        return table

    def check_keys(
        self, table: Mapping[str, Any], known: Iterable[str], whose: str, where: str = "", number: int = 0
    ) -> None:
        known = tuple(known)
        for key in table:
            if key not in known:
                hint = meant(key, known) or f"; it may have {', '.join(known)}"
                raise self.source.error(f"`{printable(key, 60)}` is not a key of {whose}{hint}", key, where, number)

    def text(self, table: Mapping[str, Any], key: str, where: str = "", number: int = 0) -> str:
        if key not in table:
            raise self.source.error(f"the key `{key}` is missing{f' in [{where}]' if where else ''}", "", where, number)
        return self.checked(table[key], key, where, number)

    def checked(self, value: object, key: str, where: str = "", number: int = 0) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > TEXT_LIMIT:
            raise self.source.error(f"{key}: must be a text of 1 to {TEXT_LIMIT:,} characters", key, where, number)
        return value.strip()

    def texts(
        self, table: Mapping[str, Any], key: str, limit: int, where: str = "", number: int = 0
    ) -> tuple[str, ...]:
        """A list of texts; one text is short for a list of one."""
        values = table[key] if isinstance(table[key], list) else [table[key]]
        if not 0 < len(values) <= limit:
            raise self.source.error(f"{key}: must have 1 to {limit} entries", key, where, number)
        return tuple(self.checked(value, key, where, number) for value in values)

    def one_of(self, table: Mapping[str, Any], key: str, known: Iterable[str], where: str = "", number: int = 0) -> str:
        value, known = self.text(table, key, where, number), tuple(known)
        if value not in known:
            hint = meant(value, known) or f"; it can be {', '.join(known)}"
            raise self.source.error(f"{key}: {printable(value, 40)!r} is not known{hint}", key, where, number)
        return value

    def address(self, table: Mapping[str, Any], key: str, where: str = "", number: int = 0) -> str | None:
        if key not in table:
            return None
        try:
            return str(ipaddress.ip_address(self.text(table, key, where, number)))
        except ValueError:
            raise self.source.error(f"{key}: is no IP address", key, where, number) from None
