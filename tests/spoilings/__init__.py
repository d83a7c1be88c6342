"""The table of spoilings: one file a numbered point of "No wrong approval". It grows; nothing is taken out of it."""

from tests.spoilings import (
    days,
    diagnosis_and_trials,
    empty_proof,
    not_in_force,
    other_items,
    other_people,
    undecoded_bytes,
    unknown_medicines,
    unreadable_doses,
    unseen_evidence,
)

TABLES = (
    unseen_evidence.TABLE,
    undecoded_bytes.TABLE,
    other_items.TABLE,
    unreadable_doses.TABLE,
    unreadable_doses.WEIGHTS,
    other_people.TABLE,
    unknown_medicines.TABLE,
    days.TABLE,
    diagnosis_and_trials.TABLE,
    not_in_force.TABLE,
    empty_proof.TABLE,
)
SPOILINGS = tuple(row for table in TABLES for row in table.rows)
