"""A fresh Chromium profile that keeps its pages to the web. Nothing here starts a browser.

Chromium's enterprise policies are read from one machine-wide directory that is not ours, but most of them
end as ordinary preferences, which a profile may carry itself: the block list of addresses, the ban on file
dialogs.
A page can't change them, and the settings pages, where a person could, are on the block list.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

BLOCKED = (
    "*",  # every scheme that the allow list does not name, external programs (mailto:) included
    "file://*",
    "view-source:*",
    "filesystem:*",
    "chrome://*",
    "chrome-untrusted://*",
    "chrome-extension://*",
    "devtools://*",
)
ALLOWED = ("http://*", "https://*", "about:blank", "about:srcdoc", "data:*", "blob:*")
DOWNLOADS = "downloads"


def write_profile(directory: Path) -> None:
    """Fill an empty directory: a profile, and beside it the folder that downloads go to."""
    downloads = directory / DOWNLOADS
    downloads.mkdir(mode=0o700)
    (directory / "Default").mkdir(mode=0o700)
    (directory / "First Run").touch(mode=0o600)
    _write(directory / "Default" / "Preferences", _preferences(downloads))
    _write(directory / "Local State", _local_state())


def hand_over(directory: Path, uid: int, gid: int) -> None:
    """Make everything in a directory, and itself, someone else's."""
    for root, directories, files in os.walk(directory):
        for name in (*directories, *files):
            os.chown(os.path.join(root, name), uid, gid, follow_symlinks=False)  # noqa: PTH118 - walk gives text
    os.chown(directory, uid, gid)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content), "utf-8")
    path.chmod(0o600)


def _preferences(downloads: Path) -> dict[str, Any]:
    return {
        "policy": {"url_blocklist": list(BLOCKED), "url_allowlist": list(ALLOWED)},
        "newtab_page_location_override": "about:blank",
        "download": {
            "default_directory": str(downloads),
            "prompt_for_download": False,
            "directory_upgrade": True,
        },
        "savefile": {"default_directory": str(downloads)},
        "printing": {"enabled": False},
        "credentials_enable_service": False,
        "profile": {"password_manager_enabled": False, "exit_type": "Normal", "name": "local"},
        "search": {"suggest_enabled": False},
        "safebrowsing": {"enabled": False, "enhanced": False},
        "signin": {"allowed": False},
        "translate": {"enabled": False},
        "autofill": {"profile_enabled": False, "credit_card_enabled": False},
        "alternate_error_pages": {"enabled": False},
        "dns_prefetching": {"enabled": False},
        "net": {"network_prediction_options": 2},
        "spellcheck": {"dictionaries": []},
        "browser": {"check_default_browser": False, "has_seen_welcome_page": True},
        "bookmark_bar": {"show_on_all_tabs": False},
    }


def _local_state() -> dict[str, Any]:
    return {
        "select_file_dialogs": {"allowed": False},
        "dns_over_https": {"mode": "off"},
        "background_mode": {"enabled": False},
        "hardware_acceleration_mode": {"enabled": False},
    }
