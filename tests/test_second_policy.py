"""A second drug is data files and no line of Python: the whole journey with a policy that the project does not ship."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from server.__main__ import main
from server.demo.requests import Chart, order_sign
from server.fhir.version import Version
from tests import made_up
from tests.journey import Partner
from tests.serving import serving


@pytest.mark.parametrize("version", list(Version))
def test_the_journey_with_another_policy(tmp_path: Path, version: Version) -> None:
    """Order, form, request, answer and reasons, for a drug that only the data files know."""
    settings: dict[str, Any] = dict(made_up.folders(tmp_path))
    with serving(f"sqlite:///{tmp_path}/r.db", settings=settings) as url, httpx.Client(base_url=url) as http:
        partner = Partner(http, version)
        request = Chart(made_up.request(3, "a"))
        said = partner.order_sign(order_sign(request))
        assert said["questionnaire"] == ["https://payer.example/Questionnaire/novestra|1.0.0"]
        form, _ = partner.form(request.coverage, said["coverage-assertion-id"][0])
        assert form["item"][0]["linkId"] == "score"

        approved = partner.submit(made_up.request(3, "a"))
        assert (approved.action, approved.period) == ("A1", ("2026-12-01", "2026-12-30"))
        assert partner.explain(approved)["states"] == {"SCORE": "met"}

        for score, reason, state in ((11, "0V", "unmet"), (None, "0U", "unknown"), (10, "0W", "review")):
            pended = partner.submit(made_up.request(score, f"score-{score}"))
            assert (pended.action, pended.reason, pended.number) == ("A4", reason, None)
            assert partner.explain(pended)["states"] == {"SCORE": state}
        assert len(partner.inquire(made_up.request(3, "a"))) == 4


def test_its_cases_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`check-policies` runs the worked cases, and names the state that no case shows and the case that fails."""
    folders = made_up.folders(tmp_path)
    for name, folder in folders.items():
        monkeypatch.setenv(f"VITRUVIAN_{name.upper()}", str(folder))
    assert main(["check-policies"]) == 0
    assert "1 policies, 4 cases, 0 problems" in capsys.readouterr().out

    cases = folders["policies"] / "novestra-9/cases.toml"
    kept = cases.read_text().split('id = "N-4"')[0].rsplit("[[case]]", 1)[0]
    cases.write_text(kept.replace('"approve"', '"pend-nurse"').replace("days = 30\n", ""))
    assert main(["check-policies"]) == 1
    told = capsys.readouterr().err
    assert "criterion SCORE: no case shows it review; add one to cases.toml" in told
    assert "case N-1.expect.outcome: expected pend-nurse, was approve" in told
