"""The table of spoilings: one file a numbered point of "No wrong approval". It grows; nothing is taken out of it."""

from tests.spoilings import (
    days,
    diagnosis_and_trials,
    doses_in_words,
    empty_proof,
    histories_in_words,
    medicines_in_words,
    not_in_force,
    other_items,
    other_people,
    proof_in_words,
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
    medicines_in_words.TABLE,
    doses_in_words.TABLE,
    histories_in_words.TABLE,
    proof_in_words.TABLE,
)
SPOILINGS = tuple(row for table in TABLES for row in table.rows)
