"""The declared topology: a TOML file that says who is who (the contract's topology file).

```toml
[[vip]]
address = "10.0.0.10"
mode = "dsr-mac"
subnet = "10.0.0.0/24"
[[vip.balancer]]
name = "lb1"
macs = ["00:01:aa:bb:cc:0a"]
snips = ["10.0.0.11"]
[[vip.server]]
name = "web1"
mac = "00:01:aa:bb:cc:64"
address = "10.0.0.100"
[gateway]
macs = ["00:01:aa:bb:cc:fe"]
```
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomli

from dsrcheck.addresses import parse_mac
from dsrcheck.records import dataclass
from dsrcheck.text import printable
from dsrcheck.topology.model import DECLARED, MODES, Host

SIZE_LIMIT = 4 << 20
ENTRY_LIMIT = 10_000


class TopologyError(Exception):
    """A topology file that cannot be used: one line that says where and what to do."""

    def __init__(self, path: str, line: int | None, message: str) -> None:
        place = f"{printable(path)}:{line}" if line else printable(path)
        super().__init__(f"{place}: {message}")


@dataclass(frozen=True)
class DeclaredVip:
    """One [[vip]]: what the file says and nothing more; None and empty where it says nothing."""

    address: str
    mode: str | None
    subnet: str | None
    services: tuple[tuple[str, int], ...]
    balancers: tuple[Host, ...]
    servers: tuple[Host, ...]

    @property
    def balancer_macs(self) -> frozenset[int]:
        return frozenset(mac for host in self.balancers for mac in host.macs)

    @property
    def server_macs(self) -> frozenset[int]:
        return frozenset(mac for host in self.servers for mac in host.macs)


@dataclass(frozen=True)
class Declaration:
    """A whole topology file."""

    path: str
    vips: tuple[DeclaredVip, ...]
    gateway_macs: tuple[int, ...]


def read_topology(path: str | Path) -> Declaration:
    """Reads and checks a topology file. Raises TopologyError with file, line, key and a suggestion."""
    name = str(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise TopologyError(name, None, f"cannot be read: {error.strerror}") from None
    if len(data) > SIZE_LIMIT:
        raise TopologyError(name, None, f"is {len(data):,} bytes long; a topology has at most {SIZE_LIMIT:,}")
    try:
        text = data.decode()
        document = tomli.loads(text)
    except UnicodeDecodeError:
        raise TopologyError(name, None, "is not UTF-8 text") from None
    except (tomli.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"at line (\d+)", str(error))
        raise TopologyError(name, int(line[1]) if line else None, f"is not TOML: {printable(str(error))}") from None
    return _Reader(name, text).declaration(document)


class _Reader:
    """Checks one file's document; knows the text, to tell the line of what is wrong."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()

    def fail(self, message: str, *clues: str) -> TopologyError:
        """An error at the last line that holds all clues (keys and values as written)."""
        number = None
        for clue_count in range(len(clues), 0, -1):
            hits = [i for i, line in enumerate(self.lines, 1) if all(clue in line for clue in clues[:clue_count])]
            if hits:
                number = hits[0]
                break
        return TopologyError(self.path, number, message)

    def declaration(self, document: Mapping[str, Any]) -> Declaration:
        self.keys(document, ("vip", "gateway"), "the file")
        vips = tuple(self.vip(table) for table in self.tables(document, "vip", "[[vip]]"))
        seen: set[str] = set()
        for vip in vips:
            if vip.address in seen:
                raise self.fail(f"VIP {vip.address} is declared twice", vip.address)
            seen.add(vip.address)
        gateway = document.get("gateway", {})
        if not isinstance(gateway, dict):
            raise self.fail("gateway must be a table: [gateway]", "gateway")
        self.keys(gateway, ("name", "mac", "macs", "address", "addresses"), "[gateway]")
        return Declaration(self.path, vips, self.macs(gateway))

    def vip(self, table: Mapping[str, Any]) -> DeclaredVip:
        self.keys(table, ("address", "mode", "subnet", "services", "balancer", "server", "name"), "[[vip]]")
        if "address" not in table:
            raise self.fail("[[vip]] needs an address", "[[vip]]")
        address = self.address(table["address"], "address")
        mode = table.get("mode")
        if mode is not None and mode not in MODES:
            raise self.fail(f"mode {self.quote(mode)} is not known{self.suggest(mode, MODES)}", "mode", str(mode))
        balancers = tuple(
            self.host(entry, "balancer", ("snip", "snips"))
            for entry in self.tables(table, "balancer", "[[vip.balancer]]")
        )
        servers = tuple(self.host(entry, "server", ()) for entry in self.tables(table, "server", "[[vip.server]]"))
        return DeclaredVip(address, mode, self.subnet(table, address), self.services(table), balancers, servers)

    def subnet(self, table: Mapping[str, Any], address: str) -> str | None:
        text = table.get("subnet")
        if text is None:
            return None
        try:
            network = ipaddress.ip_network(text, strict=False)
        except (ValueError, TypeError):
            raise self.fail(f"subnet {self.quote(text)} is no subnet like 10.0.0.0/24", "subnet", str(text)) from None
        if ipaddress.ip_address(address) not in network:
            raise self.fail(f"VIP {address} is not in its subnet {network}", "subnet", str(text))
        return str(network)

    def services(self, table: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
        found = []
        for entry in self.list_of(table, "services"):
            match = re.fullmatch(r"(tcp|udp|sctp)/(\d{1,5})", entry) if isinstance(entry, str) else None
            if not match or int(match[2]) > 65535:
                raise self.fail(f"service {self.quote(entry)} is not like tcp/80", "services", str(entry))
            found.append((match[1], int(match[2])))
        return tuple(found)

    def host(self, table: Mapping[str, Any], role: str, more: tuple[str, ...]) -> Host:
        self.keys(table, ("name", "mac", "macs", "address", "addresses", *more), f"[[vip.{role}]]")
        name = table.get("name")
        if name is not None and not isinstance(name, str):
            raise self.fail("name must be text", "name")
        addresses = [self.address(text, key) for key in ("address", "snip") if (text := table.get(key)) is not None]
        addresses += [self.address(text, key) for key in ("addresses", "snips") for text in self.list_of(table, key)]
        return Host(role, self.macs(table), tuple(addresses), name, DECLARED, ("declared",))

    def macs(self, table: Mapping[str, Any]) -> tuple[int, ...]:
        texts = ([table["mac"]] if "mac" in table else []) + self.list_of(table, "macs")
        found = []
        for text in texts:
            try:
                found.append(parse_mac(text if isinstance(text, str) else ""))
            except ValueError as error:
                raise self.fail(
                    f"{error if isinstance(text, str) else 'a MAC address must be text'}", "mac", str(text)
                ) from None
        return tuple(sorted(set(found)))

    def address(self, text: object, key: str) -> str:
        try:
            return str(ipaddress.ip_address(text if isinstance(text, str) else ""))
        except ValueError:
            raise self.fail(f"{key} {self.quote(text)} is no IP address", key, str(text)) from None

    def list_of(self, table: Mapping[str, Any], key: str) -> list[Any]:
        value = table.get(key, [])
        if not isinstance(value, list):
            raise self.fail(f'{key} must be a list: {key} = ["..."]', key)
        if len(value) > ENTRY_LIMIT:
            raise self.fail(f"{key} has more than {ENTRY_LIMIT:,} entries", key)
        return value

    def tables(self, table: Mapping[str, Any], key: str, written: str) -> list[Mapping[str, Any]]:
        value = self.list_of(table, key)
        if not all(isinstance(entry, dict) for entry in value):
            raise self.fail(f"{key} must be written as {written}", key)
        return value

    def keys(self, table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
        known = tuple(known)
        for key in table:
            if key not in known:
                raise self.fail(f"{self.quote(key)} is no key of {where}{self.suggest(key, known)}", str(key))

    @staticmethod
    def suggest(word: object, known: Iterable[str]) -> str:
        import difflib  # only mistakes pay for it

        close = difflib.get_close_matches(str(word), list(known), 1, 0.5)
        return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"

    @staticmethod
    def quote(value: object) -> str:
        return repr(printable(str(value)))
