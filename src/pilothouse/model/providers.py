"""Who serves the model: the SDK's clients by name, and what each needs before it can be made.

Anthropic's own API is the one this program is made for; the others offer the older computer tools only
(model-api §1). Nothing here sends anything, and the SDK is imported when a client is made.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.errors import KeyMissing, SettingError
from pilothouse.model.catalogue import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import anthropic

IDLE_TIMEOUT_S = 90.0
"""A stream silent for this long is lost (terminal-and-journal §5.5); the SDK's own 600 s would hide it."""
CONNECT_TIMEOUT_S = 5.0


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """One of the SDK's clients."""

    name: str
    client: str
    """The name of its asynchronous class in the SDK."""
    module: str = ""
    """What must be importable to sign requests."""
    extra: str = ""
    """The SDK's extra that brings it."""
    variables: tuple[tuple[str, ...], ...] = ()
    """One variable of each group must be set."""
    keyed_by: str = ""
    """With this variable set, a plain key, nothing needs to be signed."""
    toolsets: bool = False
    """Takes `computer_toolset_20260801`."""


_AWS_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider(
            name="anthropic",
            client="AsyncAnthropic",
            variables=(("ANTHROPIC_API_KEY",),),
            toolsets=True,
        ),
        Provider(
            name="bedrock",
            client="AsyncAnthropicBedrock",
            module="boto3",
            extra="bedrock",
            variables=((*_AWS_REGION, "AWS_PROFILE"),),
            keyed_by="AWS_BEARER_TOKEN_BEDROCK",
        ),
        Provider(
            name="aws",
            client="AsyncAnthropicAWS",
            module="boto3",
            extra="aws",
            variables=(_AWS_REGION, ("ANTHROPIC_AWS_WORKSPACE_ID",)),
            keyed_by="ANTHROPIC_AWS_API_KEY",
        ),
        Provider(
            name="vertex",
            client="AsyncAnthropicVertex",
            module="google.auth",
            extra="vertex",
            variables=(("CLOUD_ML_REGION",), ("ANTHROPIC_VERTEX_PROJECT_ID",)),
        ),
        Provider(
            name="foundry",
            client="AsyncAnthropicFoundry",
            variables=(
                ("ANTHROPIC_FOUNDRY_API_KEY",),
                ("ANTHROPIC_FOUNDRY_RESOURCE", "ANTHROPIC_FOUNDRY_BASE_URL"),
            ),
        ),
    )
}


def provider(name: str) -> Provider:
    """Find a provider.

    Raises:
        SettingError: There is none of that name.
    """
    found = PROVIDERS.get(name)
    if found is None:
        raise SettingError("there is no such provider", f"--provider {name}", nearest(name, PROVIDERS))
    return found


def check_provider(name: str, environ: Mapping[str, str] | None = None) -> Provider:
    """Find a provider, and make sure that its client can be made here; takes no time and imports no SDK.

    Raises:
        SettingError: There is none of that name, or a library it needs is not installed.
        KeyMissing: A variable that it needs is not set.
    """
    environ = os.environ if environ is None else environ
    found, where = provider(name), f"--provider {name}"
    if found.module and not environ.get(found.keyed_by) and not _importable(found.module):
        way_out = f"pip install 'anthropic[{found.extra}]'"
        if found.keyed_by:
            way_out += f", or set {found.keyed_by}"
        raise SettingError(f"{found.module} is not installed", where, way_out)
    for group in found.variables:
        if not any(environ.get(variable, "").strip() for variable in group):
            raise KeyMissing(f"{' or '.join(group)} is not set", where, "set it, and start again")
    return found


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is not there
        return False


def make_client(
    api_key: str,
    base_url: str | None = None,
    *,
    provider: str = "anthropic",
    idle_timeout_s: float = IDLE_TIMEOUT_S,
) -> anthropic.AsyncAnthropic:
    """Make the one client of a run; the engine owns retries, so the SDK makes none (design §3.5).

    Key and address are for Anthropic's own API and what speaks it on loopback; other clients find theirs in
    the environment.

    Raises:
        SettingError: The client can't be made; the sentence is the SDK's.
    """
    import anthropic
    import httpx2

    # At INFO the HTTP clients log whole URLs, at DEBUG whole bodies: neither may reach a log (§4.1).
    for name in ("anthropic", "httpx", "httpx2", "httpcore", "kernel", "boto3", "botocore", "google"):
        logging.getLogger(name).setLevel(logging.ERROR)
    timeout = httpx2.Timeout(idle_timeout_s, connect=CONNECT_TIMEOUT_S)
    if provider == "anthropic":
        return anthropic.AsyncAnthropic(api_key=api_key, base_url=base_url, max_retries=0, timeout=timeout)
    make: Any = getattr(anthropic, PROVIDERS[provider].client)
    try:
        # The other clients are no subclasses of it, all of them, but have the same `beta.messages`.
        client: anthropic.AsyncAnthropic = make(max_retries=0, timeout=timeout)
    except (ValueError, anthropic.AnthropicError) as error:
        what = " ".join(str(error).split())
        raise SettingError(what.rstrip("."), f"--provider {provider}") from error
    return client
