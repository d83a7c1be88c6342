"""With authentication on: the clients that the lab's plan registers, and how each kit shows who it is.

CRD kits sign their calls, with keys that Inferno serves. PAS and DTR kits get a token of SMART Backend Services, and a
new one before it ends. What the lab itself sends beforehand, it sends as a client of its own.
"""

import json

from tests.clients import ALL, System, ec_key

_NPIS = ("1234567893", "1245319599")
"""Every organization in whose name the suites ask."""
_KIT = "inferno"
_KEYS_OF = "crd_server", "crd_server_v221"
"""Suites with a key set, and a name as issuer, of their own."""

_on: list[bool] = []


def turn_on() -> None:
    """For the rest of this process."""
    _on.append(True)


def is_on() -> bool:
    return bool(_on)


def tables(inferno: str) -> str:
    """The [[client]] tables of the lab's plan. inferno: its own name for where it is."""
    lab = _lab()
    key = "\n".join(f'{name} = "{value}"' for name, value in lab.key.jwk().items())
    ours = f"{_table(lab.id)}hooks = true\nscopes = {json.dumps(ALL.split())}\n[[client.key]]\n{key}\n"
    kit = f'{_table(_KIT)}scopes = {json.dumps(ALL.split())}\njwks_urls = ["{inferno}/jwks.json"]\n'
    suites = "".join(
        f'{_table(suite.replace("_", "-"))}hooks = true\nissuer = "{inferno}/custom/{suite}"\n'
        f'jwks_urls = ["{inferno}/custom/{suite}/jwks.json"]\n'
        for suite in _KEYS_OF
    )
    return ours + kit + suites


def _table(id_: str) -> str:
    npis = json.dumps(list(_NPIS))
    return f'\n[[client]]\nid = "{id_}"\nname = "The lab"\nnpis = {npis}\nper_minute = 100000\n'


def sender() -> System | None:
    """Who sends what the lab sends itself; a new token each time, since one lives no longer than a run."""
    return _lab() if _on else None


def credentials(base_url: str) -> str:
    """What a kit needs to get tokens, as an input of its own kind; without authentication, nothing."""
    if not _on:
        return "{}"
    asked = {
        "auth_type": "backend_services",
        "access_token": "to be had",
        "expires_in": "0",
        "issue_time": "2026-01-01T00:00:00Z",
        "token_url": f"{base_url}/auth/token",
        "client_id": _KIT,
        "requested_scopes": ALL,
        "encryption_algorithm": "ES384",
    }
    return json.dumps(asked)


def _lab() -> System:
    return System("lab", _NPIS[0], ec_key("lab-1"))
