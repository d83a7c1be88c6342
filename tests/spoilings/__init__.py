"""The table of spoilings: each file has one numbered point of "No wrong approval". It grows; nothing leaves it."""

from tests.spoilings import (
    answers_unsaid,
    around_the_item,
    days,
    diagnoses_elsewhere,
    diagnosis_and_trials,
    empty_proof,
    not_in_force,
    orders_unsaid,
    other_items,
    other_people,
    read_by_nobody,
    undated_medicines,
    undecoded_bytes,
    unknown_medicines,
    unreadable_doses,
    unseen_evidence,
    who_it_is,
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
    answers_unsaid.TABLE,
    around_the_item.TABLE,
    diagnoses_elsewhere.TABLE,
    orders_unsaid.TABLE,
    read_by_nobody.TABLE,
    undated_medicines.TABLE,
    who_it_is.TABLE,
)
SPOILINGS = tuple(row for table in TABLES for row in table.rows)
