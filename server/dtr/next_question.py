"""`$next-question`: the next items of an adaptive form, worked out from the answers alone (dtr D-54..D-58, D-16)."""

from collections.abc import Mapping
from typing import Any

from server.dtr.adaptive import AdaptiveForm
from server.dtr.package_resources import PackageResources
from server.errors import InvalidRequest, Problem
from server.fhir.codes import DTR
from server.fhir.parameters import DeclaredParameter, parameters, read_parameters, resource
from server.fhir.read import Resource
from server.fhir.version import Version
from server.form.response import form_canonicals
from server.policy.library import PolicyLibrary

_INPUT = f"{DTR}dtr-next-question-input-parameters"
_OUTPUT = f"{DTR}dtr-next-question-output-parameters"
_DECLARED = (DeclaredParameter("questionnaire-response", 1, 1, resources=("QuestionnaireResponse",)),)


class NextQuestion:
    """Answers for every adaptive form of the policies, in one guide version."""

    def __init__(self, version: Version, policies: PolicyLibrary, resources: PackageResources) -> None:
        self._version = version
        self._policies = policies
        self._resources = resources

    def answer(self, body: Mapping[str, Any]) -> Resource:
        """The response with its next items, or completed. No criterion is judged, so nothing is decided here.

        body: the bare response, as FHIR wants a single resource, or Parameters with it. A client that claims 2.2.0's
        input profile gets Parameters back (dtr T-16). Raises InvalidRequest with every problem.
        """
        if body.get("resourceType") == "QuestionnaireResponse":
            return self._answer(dict(body), "QuestionnaireResponse")
        (sent,) = read_parameters(body, _DECLARED)["questionnaire-response"]
        answered = self._answer(sent.value, sent.at)
        claimed = [str(p).split("|")[0] for p in (body.get("meta") or {}).get("profile") or ()]
        if self._version is Version.V2_2 and _INPUT in claimed:
            return parameters(resource("return", answered), profile=_OUTPUT)
        return answered

    def _answer(self, response: Resource, at: str) -> Resource:
        return self._form(response, at).answer(response, at)

    def _form(self, response: Resource, at: str) -> AdaptiveForm:
        """The form that the response answers, by what its contained form derives from; its items do not count."""
        known = (self._policies.by_form(canonical) for canonical in form_canonicals(response))
        found = next((k for k in known if k is not None), None)
        adaptive = self._resources.package(found[1].form).adaptive if found else None
        if adaptive is None:
            text = (
                "The contained form derives from no adaptive form of this server; start from the draft in its package."
                if found is None
                else "This form is not adaptive; its package holds all of its questions."
            )
            place = f"{at}.contained.derivedFrom" if found is None else f"{at}.questionnaire"
            raise InvalidRequest([Problem("not-found" if found is None else "not-supported", text, place)])
        return adaptive
