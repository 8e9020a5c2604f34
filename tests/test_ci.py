"""What pipelines of others use: docs/ci.md as it stands, the action's steps as plain shell, the pre-commit hook."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from dsrcheck.golden.case import read_case
from dsrcheck.golden.new import new_case
from dsrcheck.lab import run
from tests.golden.cases import copied, send_a_reply_to_the_balancer

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
LOST = {"CI", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "RUNNER_TEMP"}


def section(title: str) -> list[tuple[str, str]]:
    """The fenced blocks of a section of docs/ci.md: language and text."""
    text = (ROOT / "docs" / "ci.md").read_text()
    (part,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return BLOCK.findall(part)


def shell(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a runner does: it ends at the first command that fails, and dsrcheck is on the path."""
    inherited = {name: value for name, value in os.environ.items() if name not in LOST}
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=folder, check=False,
        env=inherited | {"PATH": path} | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip


def test_a_first_pipeline_fails_and_then_passes(tmp_path: Path) -> None:
    """The page as typed: the pipeline fails and names the server, passes, and the golden case does the same."""
    _, broken, mended, kept, replaced = (text for _, text in section("A first pipeline"))
    end = shell(broken, tmp_path)
    assert end.returncode == 1
    assert "DSR202 reply-bypasses-balancer" in end.stdout
    assert "culprit   server 00:01:aa:bb:cc:65 10.0.0.101" in end.stdout
    assert shell(mended, tmp_path).returncode == 0
    end = shell(kept, tmp_path)
    assert end.returncode == 0
    assert "1 case: 1 ok" in end.stdout
    end = shell(replaced, tmp_path)
    assert end.returncode == 1
    assert "DSR202 fails, but must pass" in end.stdout


def test_only_what_is_new(tmp_path: Path) -> None:
    """A known fault fails nothing."""
    ((_, script),) = section("Only what is new")
    end = shell(script, tmp_path)
    assert end.returncode == 0
    assert "0 new, 1 known, 0 gone" in " ".join(end.stdout.split())


def test_gitlab(tmp_path: Path) -> None:
    """The job's script, but for the install, judges golden cases and captures and leaves what it promises."""
    ((_, text),) = section("GitLab")
    job = yaml.safe_load(text)["dsrcheck"]
    install, *script = job["script"]
    assert "pip install" in install
    case = copied(tmp_path / "pcaps")
    (tmp_path / "captures").mkdir()
    shutil.copy(case / "capture.pcap", tmp_path / "captures")
    assert shell("\n".join(script), tmp_path).returncode == 0
    assert (tmp_path / job["artifacts"]["reports"]["junit"]).read_text().startswith("<?xml")
    send_a_reply_to_the_balancer(tmp_path / "captures" / "capture.pcap")
    assert shell("\n".join(script), tmp_path).returncode == 1


def test_pytest_page(pytester: pytest.Pytester) -> None:
    """The tests shown run, on the case that the page makes."""
    ((_, code),) = section("pytest")
    run("dsr-routed-client").write(pytester.path / "segment.pcap", "mirror", "pcap")
    new_case(pytester.path / "segment.pcap", pytester.path / "pcaps")
    pytester.makepyfile(code)
    pytester.runpytest_inprocess("-p", "no:warnings", "-p", "no:cacheprovider").assert_outcomes(passed=8)


def test_the_case_shown_is_a_case(tmp_path: Path) -> None:
    """case.toml as the page has it is read, and with its comments taken away names every key there is."""
    ((_, text),) = section("A golden case")
    (tmp_path / "case.toml").write_text(text)
    lab = tomllib.loads(text)["lab"]
    made = f"dsrcheck lab run {lab['scenario']} --fault {lab['fault']} --vantage {lab['vantage']} -o capture.pcap"
    assert shell(made, tmp_path).returncode == 0
    assert read_case(tmp_path).lab
    end = shell("dsrcheck golden update .", tmp_path)
    assert end.stdout.endswith("1 written, 0 as accepted, 0 refused\n")
    for key in (
        "captures",
        "topology",
        "expect",
        "any_of",
        "none_of",
        "balancers",
        "cut",
        "scrubbed",
        "licence",
        "seed",
    ):
        assert key in text


def step(number: int) -> dict[str, Any]:
    """A step of the action."""
    found: dict[str, Any] = ACTION["runs"]["steps"][number]
    return found


def run_step(number: int, folder: Path, inputs: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a step's script with the environment that the runner would make of the inputs."""
    given = {name: facts["default"] for name, facts in ACTION["inputs"].items()} | inputs
    environment = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda match: given[match[1]], value)
        for name, value in step(number)["env"].items()
    }
    (folder / "dsrcheck").mkdir(exist_ok=True)
    if not (folder / "dsrcheck" / "bin").exists():
        (folder / "dsrcheck" / "bin").symlink_to(PROGRAMS)
    summary = str(folder / "summary.md")
    return shell(
        step(number)["run"], folder, RUNNER_TEMP=str(folder), GITHUB_STEP_SUMMARY=summary, CI="true", **environment
    )


def test_no_input_is_pasted_into_a_script() -> None:
    """What a workflow, or who opened a pull request, says reaches the shell by its environment only."""
    steps = ACTION["runs"]["steps"]
    assert [
        name for number in range(len(steps)) for name in [step(number)["name"]] if "${{" in step(number)["run"]
    ] == []
    used = "".join(str(step(number)["env"]) for number in range(len(steps)))
    assert all(f"inputs.{name} " in used for name in ACTION["inputs"])


def test_action_judges_golden_cases(tmp_path: Path) -> None:
    """The second step passes, and fails where a byte is another one."""
    case = copied(tmp_path / "cases")
    assert run_step(1, tmp_path, {"golden": "cases"}).returncode == 0
    send_a_reply_to_the_balancer(case / "capture.pcap")
    end = run_step(1, tmp_path, {"golden": "cases"})
    assert end.returncode == 1
    assert "DSR202" in end.stdout


def test_action_judges_captures(tmp_path: Path) -> None:
    """The third step annotates, writes the summary and SARIF, passes options on, and ends with dsrcheck's status."""
    capture = copied(tmp_path) / "capture.pcap"
    send_a_reply_to_the_balancer(capture)
    inputs = {"captures": "article-dsr/*.pcap", "sarif": "out.sarif"}
    end = run_step(2, tmp_path, inputs)
    assert end.returncode == 1
    assert "::error file=article-dsr/capture.pcap,title=DSR202 reply-bypasses-balancer::" in end.stdout
    assert '"ruleId": "DSR202"' in (tmp_path / "out.sarif").read_text()
    assert "DSR202" in (tmp_path / "summary.md").read_text()
    assert run_step(2, tmp_path, inputs | {"options": "--ignore DSR202 --fail-on error"}).returncode == 0
    assert run_step(2, tmp_path, {"captures": "none/*.pcap"}).returncode == 4


def test_action_takes_words_for_words(tmp_path: Path) -> None:
    """Inputs that a shell would obey are names of files that are not there."""
    for inputs in ({"captures": "$(touch${IFS}owned)"}, {"captures": "x;touch owned"}, {"captures": "-o owned"}):
        assert run_step(2, tmp_path, inputs).returncode == 4
    assert run_step(1, tmp_path, {"golden": "$(touch owned)"}).returncode == 2
    assert not (tmp_path / "owned").exists()


@pytest.mark.package
def test_action_installs(tmp_path: Path) -> None:
    """The first step installs the action's own repository where the others look for it."""
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "*.so", "*.c", "pcaps", "tests"))
    end = shell(step(0)["run"], tmp_path, RUNNER_TEMP=str(tmp_path), SOURCE=str(source), DSRCHECK_BUILD="never")
    assert end.returncode == 0, end.stderr
    assert shell('"$RUNNER_TEMP/dsrcheck/bin/dsrcheck" rules', tmp_path, RUNNER_TEMP=str(tmp_path)).returncode == 0


@pytest.mark.package
def test_pre_commit_hook(tmp_path: Path) -> None:
    """The page's configuration, with this repository in it, keeps a changed capture from being committed."""
    ((_, text),) = section("pre-commit")
    git = "git -c user.name=a -c user.email=a@example.org"
    clone, user = tmp_path / "clone", tmp_path / "user"
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("pcaps/", "tests/")):
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    assert shell(f"git init -q -b main && git add -A && {git} commit -qm all", clone).returncode == 0
    case = copied(user / "pcaps")
    (user / ".pre-commit-config.yaml").write_text(re.sub(r"https://\S+", str(clone), text))
    made = f"""
        python3 -m venv ../tools && ../tools/bin/pip install -q pre-commit
        git init -q && ../tools/bin/pre-commit install && git add -A && {git} commit -qm first
    """
    environment = {"PRE_COMMIT_HOME": str(tmp_path / "home"), "DSRCHECK_BUILD": "never"}
    end = shell(made, user, **environment)
    assert end.returncode == 0, end.stdout + end.stderr
    send_a_reply_to_the_balancer(case / "capture.pcap")
    end = shell(f"git add -A && {git} commit -qm second", user, **environment)
    assert end.returncode == 1
    assert "golden captures are as accepted" in end.stderr
    assert "DSR202 fails, but must pass" in end.stderr


def test_completion_in_bash(tmp_path: Path) -> None:
    """The line of the page, and then what Tab would find."""
    ((_, line),) = section("Completion in the shell")
    asked = 'COMP_WORDS=({}); COMP_CWORD={}; _dsrcheck_completion dsrcheck; echo "${{COMPREPLY[@]}}"; COMPREPLY=()\n'
    words = {"dsrcheck gold": "golden", "dsrcheck golden u": "update", "dsrcheck analyze --fail-on w": "warning"}
    script = line + "".join(asked.format(typed, len(typed.split()) - 1) for typed in words)
    end = shell(script, tmp_path)
    assert end.stdout.split() == list(words.values())
