"""What a local server does not have, and one sentence why, for every part of Kernel's API. No route here."""

from __future__ import annotations

_HOST = "it would be this machine's, not a VM's"
_CLOUD = "that is the cloud's"
OF_A_BROWSER = {
    "computer": "a local browser has no such computer call",
    "curl": "a local browser makes no requests of its own: open the address in its page",
    "extensions": "a local browser loads no extensions",
    "fs": f"a local browser has no file system to offer: {_HOST}",
    "logs": f"a local browser has no logs to offer: {_HOST}",
    "playwright": f"a local server runs no Playwright code: {_HOST}",
    "process": f"a local server runs no processes: {_HOST}",
    "repl": f"a local server runs no code: {_HOST}",
    "webmcp": "a local browser has no WebMCP tools",
    "cdp": "a local browser's DevTools are not handed out",
    "webdriver": "a local browser has no WebDriver",
}
OF_THE_SERVER = {
    "api_keys": f"a local server has one token, made when it starts, and no API keys: {_CLOUD}",
    "app": f"a local server runs no apps: {_CLOUD}",
    "apps": f"a local server runs no apps: {_CLOUD}",
    "audit_logs": f"a local server keeps no audit logs: {_CLOUD}",
    "auth": f"a local server has no managed logins: {_CLOUD}",
    "config_registry": f"a local server has no configuration registry: {_CLOUD}",
    "credentials": f"a local server keeps no credentials: {_CLOUD}",
    "deployments": f"a local server runs no apps: {_CLOUD}",
    "extensions": "a local browser loads no extensions",
    "invocations": f"a local server runs no apps: {_CLOUD}",
    "org": f"a local server has no organization to change: {_CLOUD}",
    "profiles": "a local browser starts with an empty profile, which goes with it: there are none to keep",
    "projects": f"a local server has no projects: {_CLOUD}",
    "proxies": f"a local browser uses no proxy: {_CLOUD}",
    "search": f"a local server has no web search: {_CLOUD}",
    "telemetry": "a local server exports no telemetry",
    "vault_provider_configs": f"a local server keeps no vaults: {_CLOUD}",
    "vaults": f"a local server keeps no vaults: {_CLOUD}",
}


def sentence(method: str, path: str) -> str:
    """Say why a call is answered 501."""
    parts = [part for part in path.split("/") if part]
    table, area = OF_THE_SERVER, parts[0] if parts else ""
    if area in ("browsers", "vm"):
        table, area = OF_A_BROWSER, parts[2] if len(parts) > 2 else ""
    return table.get(area.replace("-", "_"), f"a local server has no {method} {path}")
