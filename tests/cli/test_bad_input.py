from __future__ import annotations

import errno
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pilothouse.cli.main import main
from tests.cli.shell import Said, a_run, on_a_terminal, pilothouse, record

RUN = "abcdefghij"


def expect(said: Said, *words: str, code: int = 2) -> None:
    assert said.code == code, said
    lines = said.err.splitlines()
    assert len(lines) == 1, said
    assert lines[0].startswith("pilothouse: "), said
    assert "Traceback" not in said.out + said.err
    for word in words:
        assert word in lines[0], said


@pytest.mark.parametrize("verb", [["attach"], ["replay"], ["abort"], ["ctl", "pause"]], ids=" ".join)
def test_a_run_that_is_not_here_is_named(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main([verb[0], "zzzzzzzzzz", *verb[1:]])
    expect(Said(code, *capsys.readouterr()), "zzzzzzzzzz", "no such run", "pilothouse ls")


def test_attach_without_a_name_says_that_nothing_is_live() -> None:
    expect(pilothouse("attach"), "no run is live", "pilothouse ls")


def test_a_directory_without_a_journal_is_no_recording(tmp_path: Path) -> None:
    expect(pilothouse("replay", str(tmp_path)), str(tmp_path), "journal")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a journal\n", b"\x00" * 5000, b"{}\n" * 10])
def test_a_foreign_file_is_no_recording(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tmp_path / "file.bin"
    foreign.write_bytes(content)
    expect(Said(main(["replay", str(foreign)]), *capsys.readouterr()), str(foreign))


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    expect(pilothouse("replay", str(tmp_path / "gone")), "gone")


def test_a_truncated_recording_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    directory = record(tmp_path / RUN, RUN, *a_run(RUN), seal=False)
    journal = directory / "journal.phj"
    journal.write_bytes(journal.read_bytes()[:-40])
    said = pilothouse("replay", str(directory))
    assert said.code == 0
    assert "kettle" in said.out
    assert "the recording ends here" in said.err
    assert "Traceback" not in said.err


def test_a_truncated_header_is_no_recording(tmp_path: Path) -> None:
    directory = record(tmp_path / RUN, RUN, *a_run(RUN))
    journal = directory / "journal.phj"
    journal.write_bytes(journal.read_bytes()[:20])
    expect(pilothouse("replay", str(directory)), str(journal))


def test_ls_lists_a_damaged_run_beside_the_others(state_dir: Path) -> None:
    record(state_dir / "runs" / RUN, RUN, *a_run(RUN))
    (state_dir / "runs" / "brokenrun1").mkdir()
    said = pilothouse("ls")
    assert said.code == 0
    assert f"{RUN}  completed" in said.out
    assert "brokenrun1  damaged" in said.out


def test_an_unusable_state_directory_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    for unusable in (in_the_way, in_the_way / "state", Path("/dev/null/state")):
        said = pilothouse(
            "run", "task", PILOTHOUSE_STATE_DIR=str(unusable), ANTHROPIC_API_KEY="k", KERNEL_API_KEY="k"
        )
        expect(said, str(unusable), "PILOTHOUSE_STATE_DIR")


def test_a_missing_model_key_is_said_before_anything_starts(state_dir: Path) -> None:
    expect(pilothouse("run", "task", "--headless"), "ANTHROPIC_API_KEY", "pilothouse demo")
    assert list(state_dir.iterdir()) == []


def test_a_missing_browser_key_is_said_before_anything_starts(state_dir: Path) -> None:
    expect(pilothouse("run", "task", ANTHROPIC_API_KEY="k"), "KERNEL_API_KEY", "--browser local")
    assert list(state_dir.iterdir()) == []


@pytest.mark.browser
def test_root_with_a_real_key_and_a_local_browser_must_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    code = main(["run", "task", "--browser", "local"])
    expect(Said(code, *capsys.readouterr()), "--allow-root")


@pytest.mark.browser
def test_a_port_in_use_is_named() -> None:
    # The server's own words, passed on: it is a child, and its line is the only one.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expect(pilothouse("local", "--port", str(port)), str(port), "in use")


def test_a_chromium_that_is_not_there_is_named(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "chromium")
    said = pilothouse(
        "run",
        "task",
        "--browser",
        "local",
        "--allow-root",
        PILOTHOUSE_CHROMIUM=nowhere,
        ANTHROPIC_API_KEY="k",
        KERNEL_API_KEY="k",
    )
    expect(said, nowhere, "PILOTHOUSE_CHROMIUM")
    assert pilothouse("ls", "--json").out == ""  # nothing was begun


@pytest.fixture
def deaf_kernel() -> Iterator[str]:
    """A service that refuses every key; its words try to drive the terminal."""

    class Refuses(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b'{"message": "no\\u001b[2J"}'
            self.send_response(401)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Keep out of the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("manner", ["--plain", "--json"])
def test_a_wrong_browser_key_is_one_line_and_the_runs_own_code(deaf_kernel: str, manner: str) -> None:
    said = pilothouse("run", "task", "--headless", manner, ANTHROPIC_API_KEY="wrong",
                      KERNEL_API_KEY="wrong", KERNEL_BASE_URL=deaf_kernel)  # fmt: skip
    expect(said, "Kernel refused the key", "KERNEL_API_KEY", code=1)
    assert "failed" in said.out.splitlines()[-1]


@pytest.mark.browser
def test_a_wrong_model_key_is_one_line_and_the_runs_own_code(deaf_kernel: str) -> None:
    said = pilothouse("run", "task", "--browser", "local", "--allow-root", "--headless", "--plain",
                      ANTHROPIC_API_KEY="wrong", ANTHROPIC_BASE_URL=deaf_kernel)  # fmt: skip
    expect(said, "401", "ANTHROPIC_API_KEY", code=1)


def test_a_chromium_that_crashes_is_one_line_and_the_runs_own_code() -> None:
    said = pilothouse("demo", "--headless", "--json", PILOTHOUSE_CHROMIUM="/bin/false")
    expect(said, "/bin/false", "ended while starting", "PILOTHOUSE_CHROMIUM", code=1)
    assert json.loads(said.out.splitlines()[-1])["outcome"] == "failed"


@pytest.mark.terminal
def test_a_terminal_that_is_too_small_is_said_before_anything_starts(state_dir: Path) -> None:
    said = on_a_terminal("demo", columns=20, rows=5)
    assert said.code == 2, said
    assert "20x5" in said.out
    assert "Traceback" not in said.out
    assert list(state_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], ["rnu", "did you mean run?"]),
        (["frobnicate"], ["frobnicate", "choose from"]),
        (["run", "x", "--approve", "ask"], ["'ask'", "ask-risky"]),
        (["run", "x", "--limit", "step=5"], ["'step'", "did you mean 'steps'?"]),
        (["run", "x", "--limit", "steps"], ["'steps'", "NAME=VALUE"]),
        (["run", "x", "--rules", "no-such.toml"], ["no-such.toml", "can't be read"]),
        (["run", "x", "--viewport", "wide"], ["'wide'", "1280x800"]),
        (["run", "x", "--viewport", "10x10"], ["10x10", "200 to 4096"]),
        (["run", "x", "--idle", "soon"], ["'soon'", "10m"]),
        (["run", "x", "--browser", "lynx"], ["--browser: 'lynx'", "kernel or local"]),
        (["run", "x", "--preset", "fast"], ["--preset", "'fast'", "[preset.fast]", "settings.toml"]),
        (["run", "x", "--allow-host", "a b"], ["--allow-host: 'a b'", "example.com"]),
        (["run", "x", "--existing-browser", "a", "--pool", "b"], ["existing-browser", "--pool"]),
        (["run", "x", "--start-url", "file:///etc/passwd"], ["--start-url", "http://"]),
        (["config", "--save-profile"], ["--save-profile", "--profile"]),
        (["run", "x", "-f", "y"], ["given twice"]),
        (["run", "-f", "/nowhere/task.txt"], ["/nowhere/task.txt", "No such file"]),
        (["run", "-f", "/"], ["/: ", "directory"]),
        (["run", " \n"], ["empty"]),
        (["ls", "--nope"], ["--nope", "pilothouse ls --help"]),
        (["--nope"], ["--nope", "see pilothouse --help"]),
        (["replay"], ["PATH|RUN"]),
        (["replay", "x", "--speed", "-1"], ["'-1'", "speed"]),
        (["local", "--port", "99999"], ["99999", "65535"]),
        (["ctl", "x"], ["required: command ("]),
        (["ctl", "x", "step", "many"], ["many", "1 to 1000"]),
        (["ctl", "x", "say"], ["nothing to say"]),
        (["ctl", "x", "pause", "now"], ["'now'"]),
        (["ctl", "x", "resume", "--freeze"], ["ctl resume", "--freeze goes with pause or say"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_bad_usage_is_one_line_with_the_way_out(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    expect(Said(main(arguments), *capsys.readouterr()), *words)


@pytest.mark.parametrize(
    ("task", "words"),
    [(b"", ["empty"]), (b"\xff\xfe", ["not UTF-8"]), (b"a\0b", ["zero byte"]), (b"x" * 100_001, ["longer"])],
    ids=["empty", "binary", "zero byte", "too long"],
)
def test_a_task_that_is_no_text_is_refused(task: bytes, words: list[str]) -> None:
    expect(pilothouse("run", "-", said=task), "standard input", *words)


@pytest.mark.parametrize("arguments", [["ls"], ["attach", RUN], ["replay", RUN]], ids=" ".join)
def test_what_belongs_to_another_is_named(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbidden(self: Path) -> None:  # root, who may run this test, is refused nothing
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    expect(Said(main(arguments), *capsys.readouterr()), "/runs", "this account")


def test_a_mistake_in_the_settings_file_is_named_before_anything_starts(state_dir: Path) -> None:
    settings = state_dir / "config" / "settings.toml"
    settings.parent.mkdir()
    settings.write_text('effort = "hgh"\n')
    for verb in (["run", "task", "--headless"], ["config"]):
        expect(pilothouse(*verb, ANTHROPIC_API_KEY="k", KERNEL_API_KEY="k"), f"{settings}:1: effort", "high")
    assert [path.name for path in state_dir.iterdir()] == ["config"]
