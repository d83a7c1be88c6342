"""Reads a CQL library with the ELM that was compiled from it, and says when the two do not belong together."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from server.cql.model import CqlLibrary
from server.errors import PolicyProblem

COMPILE = "run `make elm` and commit what it writes"


def read_library(cql_file: Path) -> tuple[CqlLibrary | None, list[PolicyProblem]]:
    """The library of `<name>.cql` and the `<name>.elm.json` beside it; None with the problems that forbid its use.

    The file written by `make elm` is `{"sourceSha256": SHA-256 of the .cql bytes, "library": ELM}`. The translator
    writes ELM for faulty CQL too. Its bad defines would evaluate to null, and so pass for "unknown".
    """
    elm_file = cql_file.with_name(f"{cql_file.stem}.elm.json")
    try:
        source = cql_file.read_bytes()
        compiled = orjson.loads(elm_file.read_bytes())
        elm = compiled["library"]
        name, version = elm["identifier"]["id"], elm["identifier"]["version"]
        text = source.decode()
    except OSError as error:
        absent = isinstance(error, FileNotFoundError)
        why = "there is no such file" if absent else f"cannot be read ({error.strerror})"
        return None, [PolicyProblem(str(error.filename), "", f"{why}; {COMPILE}")]
    except UnicodeDecodeError:
        return None, [PolicyProblem(str(cql_file), "", "is not UTF-8; save it as UTF-8")]
    except orjson.JSONDecodeError as error:
        return None, [PolicyProblem(str(elm_file), "", f"is not JSON: {error}; {COMPILE}")]
    except (KeyError, TypeError):
        text = f"must hold sourceSha256 and a library with a name and a version; give the CQL both and {COMPILE}"
        return None, [PolicyProblem(str(elm_file), "library", text)]
    problems = _errors(elm, cql_file)
    if compiled.get("sourceSha256") != hashlib.sha256(source).hexdigest():
        problems.append(PolicyProblem(str(elm_file), "sourceSha256", f"{cql_file.name} changed since; {COMPILE}"))
    if name != cql_file.stem:
        problems.append(PolicyProblem(str(cql_file), "library", f"is named {name}; name library and file alike"))
    if problems:
        return None, problems
    return CqlLibrary(name, version, text, orjson.dumps({"library": elm}).decode(), str(cql_file)), []


def _errors(elm: Mapping[str, Any], cql_file: Path) -> list[PolicyProblem]:
    return [
        PolicyProblem(
            str(cql_file), f"{a.get('startLine', 1)}:{a.get('startChar', 1)}", f"does not compile: {a['message']}"
        )
        for a in elm.get("annotation") or ()
        if a.get("type") == "CqlToElmError" and a.get("errorSeverity") == "error"
    ]
