"""Who serves the model: the SDK's clients, made when asked for, and refused with what is missing."""

from collections.abc import Iterator

import pytest

from pilothouse.errors import KeyMissing, PilothouseError, SettingError
from pilothouse.model.providers import PROVIDERS, check_provider, make_client

READY = {
    "AWS_REGION": "eu-west-1",
    "AWS_BEARER_TOKEN_BEDROCK": "bearer-of-the-tests",
    "ANTHROPIC_AWS_API_KEY": "key-of-the-tests",
    "ANTHROPIC_AWS_WORKSPACE_ID": "workspace",
    "CLOUD_ML_REGION": "global",
    "ANTHROPIC_VERTEX_PROJECT_ID": "project",
    "ANTHROPIC_FOUNDRY_API_KEY": "key-of-the-tests",
    "ANTHROPIC_FOUNDRY_RESOURCE": "resource",
}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment that names no provider."""
    for provider in PROVIDERS.values():
        for group in (*provider.variables, (provider.keyed_by or "NONE",)):
            for name in group:
                monkeypatch.delenv(name, raising=False)
    yield monkeypatch


@pytest.mark.parametrize("name", PROVIDERS)
async def test_each_client_streams_and_never_retries_by_itself(name: str, bare: pytest.MonkeyPatch) -> None:
    for variable, value in READY.items():
        bare.setenv(variable, value)
    client = make_client("key-of-the-tests", provider=name, idle_timeout_s=7.0)
    try:
        assert type(client).__name__ == PROVIDERS[name].client
        assert client.max_retries == 0
        assert client.timeout.read == 7.0  # type: ignore[union-attr]  # a Timeout, as it was given
        assert callable(client.beta.messages.stream)
    finally:
        await client.close()


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name != "anthropic"])
def test_what_is_missing_is_named_before_anything_is_started(name: str, bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(PilothouseError) as refused:
        check_provider(name, {})
    assert refused.value.where == f"--provider {name}"
    assert refused.value.exit_code == 2
    assert "pip install" in refused.value.way_out or "is not set" in refused.value.what


def test_a_plain_key_needs_no_library_to_sign(bare: pytest.MonkeyPatch) -> None:
    environ = {"AWS_BEARER_TOKEN_BEDROCK": "bearer", "AWS_REGION": "eu-west-1"}
    assert check_provider("bedrock", environ).name == "bedrock"
    with pytest.raises(KeyMissing, match="AWS_REGION or AWS_DEFAULT_REGION"):
        check_provider("bedrock", {"AWS_BEARER_TOKEN_BEDROCK": "bearer"})


def test_a_client_the_sdk_refuses_to_make_is_one_sentence(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError) as refused:
        make_client("", provider="foundry")
    assert refused.value.where == "--provider foundry"
    assert "ANTHROPIC_FOUNDRY_API_KEY" in refused.value.what
