"""The table of remedies: every word of every remedy of the newest edition, and what is sent by who follows it."""

from tests.remedies import of_doses, of_people_and_places, of_the_request, of_treatments

REMEDIES = (*of_the_request.ROWS, *of_doses.ROWS, *of_treatments.ROWS, *of_people_and_places.ROWS)
