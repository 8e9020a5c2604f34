"""Real captures: the kernel's reading against tshark's, and against what balancers' own tests say they sent."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.both import versions
from tests.kernel.oracle import address, decode_capture, differences, kept_reading, run_tshark

VERSIONS = versions("decode")
pytestmark = pytest.mark.corpus


@pytest.fixture(params=list(VERSIONS.items()), ids=lambda version: version[0])
def frame(request: pytest.FixtureRequest) -> Any:
    """Return a frame of each version of the kernel that exists here."""
    return request.param[1].Frame()


def foreign_captures(corpus: Path) -> list[Path]:
    """Return the foreign captures that tshark could read."""
    tables = sorted(corpus.glob("foreign/*/oracle/*.tsv.gz"))
    return [table.parent.parent / table.name.removesuffix(".tsv.gz") for table in tables]


def test_foreign_captures_read_as_tshark_reads_them(frame: Any, corpus: Path) -> None:
    """Odd, damaged and rare files, balancers' vectors, and traffic without DSR."""
    paths = foreign_captures(corpus)
    assert len(paths) >= 30
    found = []
    for path in paths:
        rows = list(kept_reading(path))
        frames = 0
        for decoded, row in zip(decode_capture(frame, path), rows, strict=False):
            frames += 1
            found += [f"{path.name} {row['frame.number']}: {what}" for what in differences(decoded, row)]
        assert frames == len(rows), path.name
    assert not found


@pytest.fixture(scope="session")
def all_ipvs(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the captures of Linux IPVS one after another, so that tshark starts only once."""
    together = tmp_path_factory.mktemp("ipvs") / "all.pcapng"
    captures = sorted(str(path) for path in corpus.glob("ipvs/*.pcap"))
    subprocess.run(["mergecap", "-a", "-w", str(together), *captures], check=True, capture_output=True)
    return together


@pytest.mark.tshark
def test_ipvs_captures_read_as_tshark_reads_them(all_ipvs: Path) -> None:
    """All frames of the IPVS runs, every field that both know, interpreted and compiled."""
    readers = [decode_capture(module.Frame(), all_ipvs) for module in VERSIONS.values()]
    found = []
    frames = 0
    for row, *decoded in zip(run_tshark(all_ipvs), *readers, strict=True):
        frames += 1
        for one in decoded:
            found += [f"frame {frames}: {what}" for what in differences(one, row)]
    assert frames > 90_000
    assert not found[:20]


# Balancers' own vectors: the packet in, and the packet that came out of it

ENDS = ("src_high", "src_low", "dst_high", "dst_low", "protocol", "src_port", "dst_port", "seq", "ip_id", "icmp_id")


def decoded_vectors(frame: Any, corpus: Path, name: str) -> tuple[dict[str, Any], dict[int, dict[str, int]]]:
    """Return a vector's description, and its frames' attributes by number."""
    folder = corpus / "foreign" / "balancer-vectors"
    names = [*ENDS, "reach", "ip_version", "ttl", "tunnel", "depth", "outer_ttl", "outer_dst_port", "payload_length"]
    names += ["outer_src_high", "outer_src_low", "outer_dst_high", "outer_dst_low", "quoted"]
    path = next(path for path in (folder / f"{name}.wire.pcap", folder / f"{name}.pcap") if path.exists())
    frames = enumerate(decode_capture(frame, path), 1)
    told = {number: {attribute: getattr(one, attribute) for attribute in names} for number, one in frames}
    return json.loads((folder / f"{name}.json").read_text()), told


def assert_chain(told: dict[str, int], chain: list[dict[str, Any]]) -> None:
    """Assert that a frame is the chain of IP headers that the vector's author built."""
    outermost, innermost = chain[0], chain[-1]
    assert told["depth"] == len(chain) - 1
    if told["tunnel"]:
        assert address(told["outer_src_high"], told["outer_src_low"]) == outermost["src"]
        assert address(told["outer_dst_high"], told["outer_dst_low"]) == outermost["dst"]
        assert told["outer_ttl"] == outermost["ttl"]
    assert address(told["src_high"], told["src_low"]) == innermost["src"]
    assert address(told["dst_high"], told["dst_low"]) == innermost["dst"]
    assert (told["ip_version"], told["ttl"]) == (innermost["v"], innermost["ttl"])
    assert told["ip_id"] == innermost.get("id", 0)
    if told["reach"] == 4 and not told["quoted"]:
        assert told["src_port"] == (innermost.get("sport") or 0)
        assert told["dst_port"] == (innermost.get("dport") or 0)


@pytest.mark.parametrize("name", ["katran-base", "katran-icmp-too-big"])
def test_katran_vectors(frame: Any, corpus: Path, name: str) -> None:
    """Katran: IP-in-IP in all pairings, GUE variant 1, fragments and ICMP, in and out."""
    description, told = decoded_vectors(frame, corpus, name)
    checked = 0
    for pair in description["pairs"]:
        for side in ("in", "out"):
            number, chain = pair.get(f"wire_{side}_frame"), pair.get(f"{side}_chain")
            if number and chain:
                assert_chain(told[number], chain)
                checked += 1
    assert checked >= len(told) - 1  # one of them is no IP


def test_glb_director_vectors(frame: Any, corpus: Path) -> None:
    """GLB director: GUE variant 0 with a hop list; what is inside is the packet that came in."""
    description, told = decoded_vectors(frame, corpus, "glb-classify")
    for pair in description["pairs"]:
        into, out, outer = told[pair["in_frame"]], told[pair["out_frame"]], pair["out_outer"]
        assert (out["tunnel"], out["depth"], out["outer_dst_port"]) == (3, 1, outer["dport"])
        assert address(out["outer_src_high"], out["outer_src_low"]) == outer["src"]
        assert address(out["outer_dst_high"], out["outer_dst_low"]) == outer["dst"]
        assert {name: out[name] for name in ENDS} == {name: into[name] for name in ENDS}


def test_vpp_vectors(frame: Any, corpus: Path) -> None:
    """VPP: GRE over IPv4; what is inside is the packet that came in."""
    description, told = decoded_vectors(frame, corpus, "vpp-lb-gre4-ip4")
    for pair in description["pairs"]:
        into, out = told[pair["in_frame"]], told[pair["out_frame"]]
        assert (into["tunnel"], out["tunnel"], out["depth"]) == (0, 2, 1)
        assert {name: out[name] for name in ENDS} == {name: into[name] for name in ENDS}
