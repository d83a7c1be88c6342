"""`python -m server add-reviewer`: a reviewer of the record, held to the same rules as one of a plan file."""

from dataclasses import dataclass, replace
from getpass import getpass
from typing import TextIO

from pydantic import ValidationError

from server.errors import UnusableSetting
from server.policy.desk import Reviewer
from server.policy.desk_file import ReviewerTable
from server.policy.plan import Plan
from server.policy.toml_file import in_words
from server.review.reviewers import LONGEST, SHORTEST, hash_of


@dataclass(frozen=True, slots=True)
class NewReviewer:
    """made: without a password until it has one."""

    made: Reviewer

    def with_password(self, password: str) -> "NewReviewer":
        return NewReviewer(replace(self.made, password_hash=hash_of(password), demo_password=""))


def new_reviewer(login: str, role: str, name: str, numbers: tuple[str, str | None], plan: Plan) -> NewReviewer:
    """numbers: NPI and specialty. Raises UnusableSetting with everything that is wrong."""
    npi, specialty = numbers
    raw = {"id": login, "role": role, "name": name, "npi": npi, "demo_password": "set below"}
    raw |= {"specialty": specialty} if specialty else {}
    try:
        table = ReviewerTable.model_validate(raw)
    except ValidationError as error:
        raise UnusableSetting(
            "; ".join(f"{place} {text}" for place, text in in_words(error, ReviewerTable, raw))
        ) from error
    if any(r.login == login for r in plan.desk.reviewers):
        raise UnusableSetting(f"{login} is a reviewer of the plan file; change it there, or take another login.")
    return NewReviewer(table.reviewer())


def read_password(typed: TextIO) -> str:
    """Asked for twice at a terminal, else the first line of the input. Raises UnusableSetting for a poor one."""
    if typed.isatty():
        password = getpass("Password: ")
        if getpass("Again: ") != password:
            raise UnusableSetting("The two passwords differ; nothing was changed.")
    else:
        password = typed.readline().rstrip("\r\n")
    if not SHORTEST <= len(password) <= LONGEST:
        raise UnusableSetting(f"A password has {SHORTEST} to {LONGEST} characters; a few words make a good one.")
    return password
