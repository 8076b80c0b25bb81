"""Fetch uv into a directory, with pip where there is one and with the standard library alone where not.

Nothing is installed outside that directory. The index that pip or uv is configured with is used, proxies come
from the environment, certificates from SSL_CERT_FILE (`bootstrap` sets it); its sha256 must be the one
the index gives. Errors are one line and exit code 2.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import html
import io
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

UV_VERSION = "0.13.9"
PUBLIC_INDEX = "https://pypi.org/simple"
TIMEOUT_S = 120


class Failed(Exception):
    """One sentence for the person."""


def main(arguments: list[str]) -> int:
    """Fetch uv into the directory named; `--other-index` prints the index configured, if not the public."""
    if arguments == ["--other-index"]:
        index = configured_index()
        print("" if index.rstrip("/") == PUBLIC_INDEX else index)
        return 0
    target = Path(arguments[0])
    if version_of(target) == UV_VERSION:
        return 0
    print(f"pilothouse: fetching uv {UV_VERSION} into {target}/", file=sys.stderr)
    try:
        if not (with_pip(target) and version_of(target) == UV_VERSION):
            with_standard_library(target)
    except Failed as error:
        print(f"pilothouse: {error}", file=sys.stderr)
        return 2
    return 0


def version_of(target: Path) -> str:
    """Ask the uv in a directory for its version; empty when there is none that runs."""
    try:
        asked = subprocess.run([target / "bin" / "uv", "--version"], capture_output=True, text=True)
    except OSError:
        return ""
    words = asked.stdout.split()
    return words[1] if asked.returncode == 0 and len(words) > 1 else ""


def with_pip(target: Path) -> bool:
    """Let pip do it; `--target` is allowed in an externally managed Python, for it touches nothing of it."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input"]
    place = ["--no-deps", "--upgrade", "--only-binary", ":all:", "--target", str(target)]
    done = subprocess.run([*pip, *place, f"uv=={UV_VERSION}"], capture_output=True)
    return done.returncode == 0


# --- without pip --------------------------------------------------------------------------------------


def with_standard_library(target: Path) -> None:
    """Read the index's page of uv (PEP 503), pick the wheel for here, check its hash, unpack its program."""
    page_url = configured_index().rstrip("/") + "/uv/"
    page = fetch(page_url).decode("utf-8", "replace")
    url, sha256 = pick(page, page_url)
    wheel = fetch(url)
    if hashlib.sha256(wheel).hexdigest() != sha256:
        raise Failed(
            f"{shown(url)}: its sha256 is not the one the index gives (try again, or set UV=/path/to/uv)"
        )
    program = target / "bin" / "uv"
    program.parent.mkdir(parents=True, exist_ok=True)
    half = program.with_name("uv.part")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/scripts/uv"))
        with archive.open(name) as source, half.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    half.chmod(0o755)
    half.replace(program)


def pick(page: str, page_url: str) -> tuple[str, str]:
    """Find the address and the sha256 of the wheel for this machine on an index page."""
    for link in re.findall(r"""href=["']([^"']+)["']""", page):
        url = urllib.parse.urljoin(page_url, html.unescape(link))
        address, _, fragment = url.partition("#")
        name = address.rpartition("/")[2]
        kind, _, sha256 = fragment.partition("=")
        if kind == "sha256" and re.fullmatch(platform_pattern(), name):
            return address, sha256
    machine = f"{platform.system()} on {platform.machine()}"
    raise Failed(f"{shown(page_url)}: no uv {UV_VERSION} for {machine} (set UV=/path/to/uv)")


def platform_pattern() -> str:
    """Give the pattern of a wheel's file name that runs here."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine())
    if sys.platform == "darwin":
        tag = "macosx_[0-9_]+_" + {"aarch64": "arm64"}.get(machine, machine)
    else:
        libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
        tag = rf"(?:[a-z0-9_]+\.)*{libc}[a-z0-9_]*_{machine}(?:\.[a-z0-9_]+)*"
    return rf"uv-{re.escape(UV_VERSION)}-py3-none-{tag}\.whl"


def fetch(url: str) -> bytes:
    """Get an address; proxies come from the environment, a name and password from the address itself."""
    parts = urllib.parse.urlsplit(url)
    request = urllib.request.Request(
        url, headers={"Accept": "text/html, */*", "User-Agent": "pilothouse-bootstrap"}
    )
    if parts.username:
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        request.full_url = urllib.parse.urlunsplit(bare)
        pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            body: bytes = answer.read()
            return body
    except ssl.SSLCertVerificationError as error:
        raise untrusted(url, error) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise untrusted(url, error.reason) from error
        raise Failed(
            f"{shown(url)}: {error.reason} (check the network, HTTPS_PROXY or PIP_INDEX_URL)"
        ) from error
    except OSError as error:
        raise Failed(f"{shown(url)}: {error} (check the network, HTTPS_PROXY or PIP_INDEX_URL)") from error


def untrusted(url: str, error: ssl.SSLCertVerificationError) -> Failed:
    """Say that the certificate was not accepted, and what to do: most often there are no roots at all."""
    way_out = "install ca-certificates, or set SSL_CERT_FILE to a file of trusted certificates"
    return Failed(f"{shown(url)}: {error.verify_message} ({way_out})")


def shown(url: str) -> str:
    """Give an address without the name and password in it."""
    return re.sub(r"//[^/@]*@", "//", url)


def configured_index() -> str:
    """Name the index that uv or pip is told to use, else the public one."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    return pip_setting("index-url") or PUBLIC_INDEX


def pip_setting(name: str) -> str:
    """Read one of pip's settings from its files; the person's own wins over the system's."""
    home = Path.home()
    files = [
        Path("/etc/pip.conf"),
        Path("/Library/Application Support/pip/pip.conf"),
        home / ".pip/pip.conf",
        home / "Library/Application Support/pip/pip.conf",
        Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf",
    ]
    if os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(os.environ["PIP_CONFIG_FILE"]))
    settings = configparser.RawConfigParser()
    try:
        settings.read(files)
    except (configparser.Error, UnicodeDecodeError):
        return ""  # pip itself will say what is wrong with it
    for section in ("install", "global"):
        if settings.has_option(section, name):
            return settings.get(section, name).strip()
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
