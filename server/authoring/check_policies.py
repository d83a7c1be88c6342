"""Reads every file of policies and plan, so that a mistake in one does not hide the mistakes in another."""

from dataclasses import dataclass
from pathlib import Path

import orjson

from server.authoring.worked_cases_file import unreadable_worked_cases
from server.cql.authoring import lint_cql
from server.errors import PolicyProblem, PolicyProblems
from server.pas.sandbox.sandbox_file import load_sandbox
from server.policy.folder import Loader
from server.policy.library import PolicyLibrary
from server.policy.plan import Plan
from server.policy.plan_file import load_plan


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """What was read. problems: of every file that does not keep the cases from being run."""

    policies: PolicyLibrary
    plan: Plan
    problems: tuple[PolicyProblem, ...]


def read_policy_files(cql: Path, questionnaires: Path, plan_file: Path, sandbox_file: Path | None) -> PolicyFiles:
    """Policies, plan, and the lint of every CQL library that compiles; the sandbox file is looked at alone.

    Raises PolicyProblems with everything wrong in all of them, when policies or plan cannot be used to run a case.
    """
    loader = Loader(cql, questionnaires)
    policies = loader.policies()
    unusable = list(loader.files.problems)
    plan = None
    try:
        plan = load_plan(plan_file)
    except PolicyProblems as error:
        unusable += error.problems
    problems: list[PolicyProblem] = []
    for library in loader.files.libraries.values():
        problems += lint_cql(library.cql, orjson.loads(library.elm), library.source)
    if sandbox_file is not None:
        try:
            load_sandbox(sandbox_file)
        except PolicyProblems as error:
            problems += error.problems
    if unusable or plan is None:
        raise PolicyProblems([*unusable, *problems, *unreadable_worked_cases(cql)])
    library_of_all = PolicyLibrary(policies, loader.files.libraries, loader.files.value_sets)
    return PolicyFiles(library_of_all, plan, tuple(problems))
