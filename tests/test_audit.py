"""Who was told what leaves a row: reads, explanations and inquiries, as decisions do."""

import sqlite3
from pathlib import Path

import httpx

from server.fhir.version import Version
from tests import made_up
from tests.journey import Partner
from tests.serving import serving


def test_reads_and_decisions_leave_rows(tmp_path: Path) -> None:
    """One row for the decision, one for each answer given out: its id, what and who asked, and no patient data."""
    settings = dict(made_up.folders(tmp_path))
    with serving(f"sqlite:///{tmp_path}/r.db", settings=settings) as url, httpx.Client(base_url=url) as http:
        partner = Partner(http, Version.V2_2)
        answer = partner.submit(made_up.request())
        partner.explain(answer)
        partner.fhir("GET", f"/ClaimResponse/{answer.id}")
        partner.inquire(made_up.request())
    with sqlite3.connect(tmp_path / "r.db") as record:
        rows = record.execute("SELECT event, subject, detail FROM audit").fetchall()
    record.close()
    assert [(event, detail) for event, _, detail in rows] == [
        ("decision", '{"facts":2,"items":{"1":"approve"},"caller":"loopback"}'),
        ("read", '{"by":"explain","caller":"loopback"}'),
        ("read", '{"by":"read","caller":"loopback"}'),
        ("read", '{"by":"inquiry","caller":"loopback"}'),
    ]
    assert {subject for _, subject, _ in rows} == {answer.id}
