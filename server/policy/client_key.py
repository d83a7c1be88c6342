"""Public keys of clients: JSON Web Keys that can check a signature, and why others cannot. No network here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

ALGORITHMS = ("RS384", "ES384")
"""What CDS Hooks and SMART ask of every server (crd C-45). A plan's client may also be let in with RS256."""

_SHORTEST_RSA = 2048
_LONGEST_RSA = 8192  # a key of any size would take any time to check with
_UNREADABLE = "cannot be read as a public key; give it as a JSON Web Key"
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """kid: the name by which a token asks for it. algorithms: those it can be used with."""

    kid: str
    key: RSAPublicKey | EllipticCurvePublicKey
    algorithms: frozenset[str]


def public_key(jwk: Mapping[str, Any]) -> PublicKey | str:
    """A JSON Web Key that checks signatures; or what is wrong with it, in words that follow the key's name."""
    kid, read = jwk.get("kid"), {"RSA": _rsa, "EC": _ec}.get(str(jwk.get("kty")))
    if not isinstance(kid, str) or not kid:
        return "has no kid; name it, as tokens do"
    if any(part in jwk for part in _PRIVATE):
        return "holds a private or a shared key; make a new key, and publish its public part alone"
    if jwk.get("use", "sig") != "sig":
        return 'is not for signatures (its use is not "sig"); give the key that signs'
    if read is None:
        return "is of a kind that is not read; use RSA, or EC with the curve P-384"
    try:
        return read(kid, jwk)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return _UNREADABLE


def _rsa(kid: str, jwk: Mapping[str, Any]) -> PublicKey | str:
    key = RSAAlgorithm.from_jwk(dict(jwk))
    if not isinstance(key, RSAPublicKey):
        return _UNREADABLE
    if not _SHORTEST_RSA <= key.key_size <= _LONGEST_RSA:
        return f"has {key.key_size} bits; RSA keys have {_SHORTEST_RSA} to {_LONGEST_RSA}"
    return PublicKey(kid, key, _of(jwk, {"RS384", "RS256"}))


def _ec(kid: str, jwk: Mapping[str, Any]) -> PublicKey | str:
    if jwk.get("crv") != "P-384":
        return "is on another curve; EC keys are on P-384"
    key = ECAlgorithm.from_jwk(dict(jwk))
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP384R1):
        return _UNREADABLE
    return PublicKey(kid, key, _of(jwk, {"ES384"}))


def _of(jwk: Mapping[str, Any], fit: set[str]) -> frozenset[str]:
    """A key that names its algorithm is used with no other."""
    named = jwk.get("alg")
    return frozenset(fit if named is None else fit & {named})
