from __future__ import annotations

import json
from pathlib import Path

import pytest

from pilothouse.cli.main import main
from pilothouse.settings.table import SETTINGS


@pytest.fixture
def settings_file(state_dir: Path) -> Path:
    path = state_dir / "config" / "settings.toml"
    path.parent.mkdir()
    path.write_text('model = "m-file"\nregion = "eu-west"\n[preset.p]\nupload = "inline"\n')
    return path


def test_config_says_each_value_and_where_it_comes_from(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PILOTHOUSE_EFFORT", "high")
    assert main(["config", "--json", "--preset", "p", "--no-stealth", "--browser", "local"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["name"] for one in told] == [setting.name for setting in SETTINGS]
    assert [one for one in told if one["source"] != "default" or "set_aside" in one] == [
        {"name": "model", "value": "m-file", "source": "file", "where": f"{settings_file}:1: model"},
        {"name": "effort", "value": "high", "source": "environment", "where": "PILOTHOUSE_EFFORT"},
        {"name": "upload", "value": "inline", "source": "preset", "where": f"{settings_file}:4: upload"},
        {"name": "browser", "value": "local", "source": "option", "where": "--browser"},
        {"name": "stealth", "value": False, "source": "option", "where": "--no-stealth"},
        {
            "name": "region",
            "value": "",
            "source": "default",
            "where": "",
            "set_aside": {
                "where": f"{settings_file}:2: region",
                "because": "--browser: region is for Kernel's browsers",
            },
        },
    ]


def test_config_as_a_table_has_the_same(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--preset", "p"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in lines if not line.startswith("[")}
    assert rows["model"] == f"m-file {settings_file}:1"
    assert rows["upload"] == f"inline {settings_file}:4 (preset p)"
    assert rows["viewport"] == "1280x800 default"


def test_config_says_where_the_file_would_be(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--path"]) == 0
    assert capsys.readouterr().out == f"{state_dir / 'config' / 'settings.toml'}\n"
