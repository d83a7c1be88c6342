"""Clients: the systems of partners that may call, each with its organizations, its keys and what it may do."""

from dataclasses import dataclass

from server.policy.client_key import ALGORITHMS, PublicKey


@dataclass(frozen=True, slots=True)
class Client:
    """One registered system.

    id: iss and sub of its assertions at the token endpoint. issuer: iss of its hook calls. npis: the organizations that
    it speaks for. keys: of a key set that stands in the plan; jwks_urls: where else its keys are, and the only values
    of jku that are followed. hooks: whether it may call the CDS services. scopes: what it may be granted, as text.
    per_minute: the most requests. max_body_bytes: of its requests; None: what the server reads.
    """

    id: str
    name: str
    npis: frozenset[str]
    issuer: str
    jwks_urls: tuple[str, ...] = ()
    keys: tuple[PublicKey, ...] = ()
    algorithms: frozenset[str] = frozenset(ALGORITHMS)
    hooks: bool = False
    scopes: tuple[str, ...] = ()
    per_minute: int = 600
    max_body_bytes: int | None = None
