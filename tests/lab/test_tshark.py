"""tshark on healthy scenarios: no malformed packet, no wrong checksum, nothing wrong with TCP at either end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dsrcheck.lab import run, scenarios

pytestmark = pytest.mark.tshark

BROKEN_PACKETS = (
    # A packet quoted by an ICMP error is cut, and tshark computes its checksum all the same.
    "_ws.malformed || ip.checksum.status == 0 || (tcp.checksum.status == 0 && !icmp) || udp.checksum.status == 0"
    " || icmp.checksum.status == 0 || icmpv6.checksum.status == 0 || vrrp.checksum.status == 0"
)
# At the ends only: on a mirror and at the balancer each forward looks like a retransmission.
TROUBLED_TCP = "tcp.analysis.flags || _ws.expert.severity >= 6291456"
# What is meant to be there: a path MTU found, a cable that loses, a balancer that died, the moved VIP, the flood.
UNEASY = {
    "ipip-mtu", "dsr-path-mtu", "dsr-lossy", "dsr-failover-crash", "dsr-failover", "dsr-failover-routed",
    "dsr-syn-flood", "dsr-offload",
}  # fmt: skip
HEALTHY = [
    name
    for name, scenario in sorted(scenarios().items())
    if not {"long", "broken"} & set(scenario.tags)
]  # fmt: skip


def found(path: Path, wanted: str) -> list[str]:
    """The frames that a display filter finds, with checksums looked at."""
    options = [f"{protocol}.check_checksum:TRUE" for protocol in ("ip", "tcp", "udp")]
    options.append("tcp.desegment_tcp_streams:FALSE")  # it would put together what a mirror shows twice
    command = ["tshark", "-r", str(path), "-Y", wanted, *(part for option in options for part in ("-o", option))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", HEALTHY)
def test_tshark_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    """Each vantage in a file of its own, as tshark follows connections by addresses, not by interface."""
    made = run(name)
    ends = [v for v, r in made.vantages.items() if r.role in ("server", "client")]
    for vantage in ("mirror", *ends[:1], *ends[-1:]):
        path = tmp_path / f"{vantage}.pcapng"
        made.write(path, vantage)
        wanted = "_ws.malformed" if name == "dsr-offload" else BROKEN_PACKETS
        if vantage != "mirror" and name not in UNEASY:
            wanted = f"{wanted} || {TROUBLED_TCP}"
        assert found(path, wanted) == []
