"""From settings to the spec of a run. Nothing here chooses a value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pilothouse.engine.spec import BrowserOptions, ModelOptions, RunSpec
from pilothouse.errors import SettingError
from pilothouse.paths import rules_path
from pilothouse.settings.kinds import RulesFile, TextFile
from pilothouse.settings.table import BRIDGE, SETTINGS, BridgeOptions

if TYPE_CHECKING:
    from pilothouse.settings.resolve import Settings

SYSTEM_MAX_BYTES = 200_000


def run_spec(settings: Settings, *, run: str, task: str, headless: bool, allow_root: bool = False) -> RunSpec:
    """Make the spec of a run.

    Raises:
        SettingError: A file that a setting names can't be read.
    """
    fields = _fields(settings)
    top = {name: value for name, value in fields.items() if "." not in name}
    return RunSpec(
        run=run,
        task=task,
        headless=headless,
        allow_root=allow_root,
        model_options=ModelOptions(**_below(fields, "model_options.")),
        browser_options=BrowserOptions(**_below(fields, "browser_options.")),
        **top,
    )


def bridge_options(settings: Settings) -> BridgeOptions:
    """Give what concerns the bridge alone."""
    chosen = {one.into[0]: settings[one.name] for one in SETTINGS if one.section == BRIDGE}
    return BridgeOptions(**chosen)


def _fields(settings: Settings) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for setting in SETTINGS:
        if setting.section == BRIDGE or not setting.into:  # a viewer's
            continue
        given = settings.of(setting.name)
        value = given.value
        if isinstance(setting.kind, RulesFile):
            value = _rules(Path(value)) if value else _usual_rules()
        elif isinstance(setting.kind, TextFile) and value:
            value = _text(Path(value), given.where)
        parts = value if len(setting.into) > 1 else (value,)
        fields |= dict(zip(setting.into, parts, strict=True))
    return fields


def _below(fields: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)}


def _rules(path: Path) -> str:
    """Refuse rules that can't be used before anything is started; the engine reads them by this path."""
    from pilothouse.engine.policy_file import read_policy

    path = path.expanduser().absolute()
    read_policy(path)
    return str(path)


def _usual_rules() -> str:
    """Take the rules of the configuration directory, if there are some."""
    return _rules(rules_path()) if rules_path().exists() else ""


def _text(path: Path, where: str) -> str:
    try:
        with path.expanduser().open("rb") as file:
            raw = file.read(SYSTEM_MAX_BYTES + 1)
        text = raw.decode("utf-8-sig").strip()
    except OSError as error:
        raise SettingError(
            f"{path} can't be read: {error.strerror or error}", where, "name a text file"
        ) from None
    except UnicodeDecodeError as error:
        raise SettingError(f"byte {error.start} of {path} is not UTF-8", where, "name a text file") from None
    if len(raw) > SYSTEM_MAX_BYTES:
        raise SettingError(f"{path} is longer than {SYSTEM_MAX_BYTES} bytes", where, "say it shorter")
    if not text or "\0" in text:
        raise SettingError(f"{path} holds no text", where, "name a text file")
    return text
