"""The package as users get it: a wheel, an editable install, a checkout, with a compiler and without.

All of it needs pip and the network, so it runs where DSRCHECK_PACKAGE is set (`.ci/run` does).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from dsrcheck.compiled import hot_modules

pytestmark = pytest.mark.package

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = sorted((ROOT / "pcaps").glob("*/capture.pcap*"))
RULES = sorted(path.name for path in (ROOT / "rules").glob("*.toml"))
SMALL = 64_000
"""Bytes of a golden capture that the interpreted kernel reads in no time; the others are compared in its own tests."""
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def call(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program with nothing of this test run in its environment but what is given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DSRCHECK_", "PYTEST"))}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=inherited | environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip


def checked(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a program that must succeed; return what it printed."""
    end = call(*command, cwd=cwd, **environment)
    assert end.returncode == 0, f"{command}: {end.stdout}{end.stderr}"
    return end.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree as a clone would hold it: no extensions, nothing built."""
    tree = tmp_path_factory.mktemp("clone")
    names = checked("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    return tree


def build_wheel(checkout: Path, folder: Path, **environment: str) -> Path:
    """Build a wheel from a copy of the checkout, for a build leaves things behind."""
    tree = folder / "tree"
    shutil.copytree(checkout, tree)
    checked(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, tree, cwd=folder, **environment)
    (wheel,) = folder.glob("*.whl")
    return wheel


def environment_of(folder: Path) -> Path:
    """Make a virtual environment that sees the dependencies of this one; return its folder of programs."""
    checked(sys.executable, "-m", "venv", folder, cwd=ROOT)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, its kernel compiled."""
    return build_wheel(checkout, tmp_path_factory.mktemp("wheel"), DSRCHECK_BUILD="require")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the wheel installed."""
    programs = environment_of(tmp_path_factory.mktemp("installed"))
    checked(programs / "pip", "install", "-q", "--no-deps", wheel, cwd=wheel.parent)
    return programs


def rule_ids(output: str) -> list[str]:
    """The ids in `dsrcheck rules --format json`."""
    return [rule["id"] for rule in json.loads(output)]


def test_wheel_holds_rules_and_kernel(wheel: Path) -> None:
    """Rules, sources, declarations, schema and one extension per hot module are in it; tests and captures are not."""
    names = zipfile.ZipFile(wheel).namelist()
    assert sorted(Path(name).name for name in names if name.startswith("dsrcheck/rulefiles/")) == RULES
    assert {"dsrcheck/py.typed", "dsrcheck/report/schema.json"} <= set(names)
    for source in hot_modules():
        room = f"dsrcheck/{source.parent.name}/{source.stem}"
        assert f"{room}.py" in names
        assert f"{room}.pxd" in names
        assert any(name.startswith(f"{room}.cpython-") for name in names), f"{room} is not compiled"
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"dsrcheck"}


def test_wheel_runs(installed: Path, tmp_path: Path) -> None:
    """Installed, it knows its rules and judges a capture, far from the checkout."""
    assert "(compiled kernel)" in checked(installed / "dsrcheck", "--version", cwd=tmp_path)
    ids = rule_ids(checked(installed / "dsrcheck", "rules", "--format", "json", cwd=tmp_path))
    assert ids == [name[:6] for name in RULES]
    end = call(installed / "dsrcheck", "analyze", GOLDEN[0], "--format", "json", cwd=tmp_path)
    assert end.returncode in (0, 1)
    assert end.stderr == ""
    assert json.loads(end.stdout)["vips"]
    end = call(installed / "dsrcheck", "analyze", GOLDEN[0], "--format", "html", cwd=tmp_path)
    assert end.stdout.startswith("<!DOCTYPE html>"), end.stderr


def test_editable_install_and_checkout_find_the_rules(checkout: Path, tmp_path: Path) -> None:
    """Rules are read from the tree, so that an edit counts at once."""
    tree = tmp_path / "tree"
    shutil.copytree(checkout, tree)
    programs = environment_of(tmp_path / "environment")
    expected = [name[:6] for name in RULES]
    assert rule_ids(checked(programs / "python", "-m", "dsrcheck", "rules", "--format", "json", cwd=tree)) == expected
    checked(programs / "pip", "install", "-q", "--no-deps", "-e", tree, cwd=tmp_path, DSRCHECK_BUILD="never")
    (tree / "rules" / RULES[-1]).unlink()
    output = checked(programs / "dsrcheck", "rules", "--format", "json", cwd=tmp_path)
    assert rule_ids(output) == expected[:-1]


@pytest.mark.parametrize(
    "lacking", [{"CC": "/no/such/compiler"}, {"CFLAGS": "-include /no/such/header.h"}], ids=["compiler", "headers"]
)
def test_without_compiler_it_installs_interpreted(checkout: Path, tmp_path: Path, lacking: dict[str, str]) -> None:
    """What cannot be compiled is left out, and the package runs all the same."""
    wheel = build_wheel(checkout, tmp_path / "wheel", **lacking)
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")]
    programs = environment_of(tmp_path / "environment")
    checked(programs / "pip", "install", "-q", "--no-deps", wheel, cwd=tmp_path)
    assert "(interpreted kernel)" in checked(programs / "dsrcheck", "--version", cwd=tmp_path)


def test_asked_to_insist_the_build_fails_without_compiler(checkout: Path, tmp_path: Path) -> None:
    """With DSRCHECK_BUILD=require nobody gets an interpreted kernel unawares."""
    with pytest.raises(AssertionError, match="/no/such/compiler"):
        build_wheel(checkout, tmp_path / "wheel", DSRCHECK_BUILD="require", CC="/no/such/compiler")


def test_interpreted_kernel_gives_the_same_bytes(installed: Path, checkout: Path) -> None:
    """The report of each small golden capture is the same from the wheel and from the checkout, not compiled."""
    small = [capture for capture in GOLDEN if capture.stat().st_size < SMALL]
    assert len(small) > 10
    assert "(interpreted kernel)" in checked(sys.executable, "-m", "dsrcheck", "--version", cwd=checkout)
    for capture in small:
        arguments = ["analyze", str(capture.relative_to(ROOT)), "--format", "json"]
        compiled = call(installed / "dsrcheck", *arguments, cwd=checkout)
        interpreted = call(sys.executable, "-m", "dsrcheck", *arguments, cwd=checkout)
        assert compiled.stdout == interpreted.stdout != ""
        assert compiled.returncode == interpreted.returncode


def test_kernel_reads_and_writes_within_bounds(checkout: Path, tmp_path: Path) -> None:
    """The kernel's tests pass under the address sanitizer, which ends the program at the first stray access.

    With a corpus, over all its captures too.
    """
    wheel = build_wheel(checkout, tmp_path, DSRCHECK_BUILD="checked")
    tree = tmp_path / "tree"
    archive = zipfile.ZipFile(wheel)
    archive.extractall(tree, [name for name in archive.namelist() if name.endswith(".so")])
    sanitizer = checked("cc", "-print-file-name=libasan.so", cwd=tmp_path).strip()
    guarded = {"LD_PRELOAD": sanitizer, "PYTHONMALLOC": "malloc", "ASAN_OPTIONS": "detect_leaks=0"}
    marks = "not tshark and not package"
    if corpus := os.environ.get("DSRCHECK_CORPUS"):
        guarded["DSRCHECK_CORPUS"] = str(Path(corpus).resolve())
    else:
        marks += " and not corpus"
    chosen = ["tests/kernel", "tests/capture", "tests/legs", "-m", marks]
    # Its own folder for temporary files: pytest sweeps the common one, and fails when another session sweeps it too.
    alone = ["-p", "no:cacheprovider", "--basetemp", str(tmp_path / "temporary")]
    end = call(sys.executable, "-m", "pytest", "-q", "-x", *alone, *chosen, cwd=tree, **guarded)
    assert end.returncode == 0, end.stdout[-4000:] + end.stderr[-4000:]


def readme_blocks() -> list[tuple[str, str]]:
    """The fenced blocks of the README: language and text."""
    return [(block[1], block[2]) for block in BLOCK.finditer((ROOT / "README.md").read_text())]


SCREENS = ("dsrcheck view capture.pcap", "dsrcheck live -i eth0")


def test_readme_begins_with_judging_and_testing() -> None:
    """The first two fenced blocks are commands of a line or two; `.ci/run` types them in a fresh clone."""
    (first, judge), (second, test) = readme_blocks()[:2]
    assert first == second == "sh"
    assert max(judge.count("\n"), test.count("\n")) <= 2
    assert (ROOT / judge.split()[-1]).is_file()
    assert "dsrcheck analyze" in judge
    assert "pytest" in test


def test_readme_python_runs(installed: Path, checkout: Path) -> None:
    """The Python that the README shows does what it says."""
    for language, text in readme_blocks()[2:]:
        assert language == "python"
        assert "fail" in checked(installed / "python", "-c", text, cwd=checkout)


def test_readme_commands_run(installed: Path, checkout: Path, tmp_path: Path) -> None:
    """Every command in the README's table runs, on a capture of the tree; those with screens say what they lack."""
    table = re.findall(r"^\| [^|]* \| (`.*`) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    commands = [command for cell in table for command in re.findall(r"`([^`]*)`", cell)]
    assert len(commands) >= 9
    judged = ROOT / readme_blocks()[0][1].split()[-1]
    shutil.copy(judged, tmp_path / "capture.pcap")
    (tmp_path / "lab.toml").write_text('[[vip]]\naddress = "192.168.10.100"\n')
    for command in commands:
        typed = re.sub(r"^tcpdump .*\\\| ", "cat capture.pcap | ", command).replace("-i eth0", "capture.pcap")
        end = call("bash", "-c", typed, cwd=tmp_path, PATH=f"{installed}:{os.environ['PATH']}")
        if command in SCREENS:  # there is no terminal here
            assert (end.returncode, end.stderr.count("\n")) == (2, 1)
            assert "the screens need" in end.stderr
            continue
        assert end.returncode in (0, 1), f"{command}: {end.stderr}"
        assert "error:" not in end.stderr
