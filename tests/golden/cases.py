"""Small cases that the tests of golden captures make, and the capture whose one byte they change."""

from __future__ import annotations

import shutil
from pathlib import Path

from dsrcheck.findings import FAIL, PASS, Finding, FrameRef, Subject, Verdict
from dsrcheck.golden.new import new_case
from dsrcheck.report.model import CaptureInfo, Host, Report, Service, VipReport

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
BALANCER_MAC, SERVER_MAC, VIP = "00:01:aa:bb:cc:0a", "00:01:aa:bb:cc:64", "10.0.0.10"
PCAP_HEADER, RECORD_HEADER = 24, 16

CASE = """
dsrcheck = "case/1"
about = "A made up case."
[provenance]
source = "made by hand"
software = "none"
"""

CAPTURE = CaptureInfo("capture.pcap", 30, 3000, "ethernet", "mirror")
SERVERS = tuple(
    Host("server", (f"00:01:aa:bb:cc:6{n}",), (f"10.0.0.10{n}",), evidence=("answers as the VIP",), flows=3)
    for n in (4, 5)
)
SERVED = VipReport(
    VIP, "dsr-mac", services=(Service("tcp", 80, "dsr-mac", 6),), servers=SERVERS, clients=2, flows=6,
    balancers=(Host("balancer", (BALANCER_MAC,), ("10.0.0.11",)),),
)  # fmt: skip
VERDICTS = (
    Verdict("DSR103", "forward-keeps-vip", VIP, PASS, 6),
    Verdict("DSR202", "reply-bypasses-balancer", VIP, PASS, 6),
    Verdict("DSR301", "server-answers-no-arp", VIP, "not-observed", reason="no ARP is seen"),
    Verdict("DSR901", "capture-whole", None, PASS, 1),
)
THROUGH_BALANCER = Finding(
    "DSR202", "reply-bypasses-balancer", "error", VIP, Subject("server", SERVER_MAC, "10.0.0.100"), None, 2,
    "Server 10.0.0.100 sends its replies through the balancer.", "They cost it.",
    (FrameRef(0, 7), FrameRef(0, 9)), ("frame.number in {7, 9}",), {"linux": "Mend the route."},
)  # fmt: skip
HEALTHY = Report((CAPTURE,), (SERVED,), VERDICTS)
BROKEN = Report(
    (CAPTURE,),
    (SERVED,),
    (VERDICTS[0], Verdict("DSR202", "reply-bypasses-balancer", VIP, FAIL, 6, 2), *VERDICTS[2:]),
    (THROUGH_BALANCER,),
)


def case_file(folder: Path, text: str) -> Path:
    """A folder with a capture of nothing and this case.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "capture.pcap").write_bytes(b"")
    (folder / "case.toml").write_text(text)
    return folder


def worked_example(into: Path) -> Path:
    """A case of the worked example's capture, as `golden new` makes it."""
    return new_case(PCAPS / "article-dsr" / "capture.pcap", into, "example").case.folder


def copied(into: Path, name: str = "article-dsr") -> Path:
    """A golden case of the repository, copied."""
    return Path(shutil.copytree(PCAPS / name, into / name))


def send_a_reply_to_the_balancer(capture: Path) -> int:
    """Change one byte of a little-endian pcap: the first reply's destination MAC, to the balancer's. Its frame number.

    The worked example's MACs differ in their last octet only.
    """
    data = bytearray(capture.read_bytes())
    place, number = PCAP_HEADER, 1
    while place < len(data):
        frame = place + RECORD_HEADER
        if data[frame + 6 : frame + 12].hex(":") == SERVER_MAC and data[frame + 26 : frame + 30] == bytes(
            [10, 0, 0, 10]
        ):
            assert data[frame : frame + 5].hex(":") == BALANCER_MAC[:14]
            data[frame + 5] = int(BALANCER_MAC[-2:], 16)
            capture.write_bytes(data)
            return number
        place, number = frame + int.from_bytes(data[place + 8 : place + 12], "little"), number + 1
    raise AssertionError("no reply in this capture")
