"""Every URL of the server in one table, with the function that answers it. Read it first; app.py mounts the rows."""

from server.crd import routes as crd
from server.dtr import routes as dtr
from server.pages import routes as pages
from server.pas import routes as pas
from server.review import routes as review
from server.smart import routes as smart
from server.subscriptions import routes as subscriptions
from server.url import Access, Url

PUBLIC, CLIENT, OPERATOR = Access.PUBLIC, Access.CLIENT, Access.OPERATOR
REVIEWER, DECIDER = Access.REVIEWER, Access.DECIDER
HTML, JSON, TEXT, FORM = "text/html", "application/json", "text/plain", "application/x-www-form-urlencoded"
PACKAGE, NEXT, ERRORS = "questionnaire-package", "next-question", "questionnaire-errors"  # examples of bodies

# A row is one line, or two: what it is, and what is said of it.
# fmt: off
URLS = (
    Url("GET", "/", pages.welcome, "What this is and where to connect", PUBLIC, media=HTML),
    Url("GET", "/policies/{id}", pages.policy, "A policy for people to read: each criterion, by edition", PUBLIC,
        answers=(200, 404), media=HTML),
    Url("GET", "/cds-services", crd.services, "CRD: the CDS services, their prefetch and their options", PUBLIC,
        media=JSON),
    Url("POST", "/cds-services/{id}", crd.call, "CRD: what an order needs", CLIENT,
        body="order-sign", answers=(200, 400, 404, 412, 422), media=JSON),
    Url("GET", "/.well-known/davinci-configuration", pages.davinci_configuration, "Where each guide is served", PUBLIC,
        media=JSON),
    Url("POST", "/auth/token", smart.token, "SMART Backend Services: an access token for a signed assertion", PUBLIC,
        body="token", answers=(200, 400, 401, 404, 429), media=JSON, sends=FORM),
    Url("GET", "/auth/jwks", smart.keys, "The keys that this server signs with: none, its tokens are opaque", PUBLIC,
        media=JSON),
    Url("GET", "/healthz", pages.healthz, "The process lives", PUBLIC, media=TEXT),
    Url("GET", "/readyz", pages.readyz, "The database answers and the policies are loaded", PUBLIC,
        answers=(200, 503), media=TEXT),
    Url("GET", "/metrics", pages.metrics, "What is counted of this process, for Prometheus", OPERATOR, media=TEXT),
)

FHIR_URLS = (
    Url("GET", "/metadata", pages.metadata, "CapabilityStatement", PUBLIC),
    Url("GET", "/.well-known/smart-configuration", smart.configuration, "Where a system gets a token, if it needs one",
        PUBLIC, answers=(200, 404), media=JSON),
    Url("POST", "/Questionnaire/$questionnaire-package", dtr.questionnaire_package,
        "DTR: the form of an order, its logic, and a draft answer", CLIENT, "Questionnaire/$questionnaire-package",
        body=PACKAGE, answers=(200, 400, 422), scope="Questionnaire.r"),
    Url("POST", "/$questionnaire-package", dtr.questionnaire_package, "DTR: the same, at system level", CLIENT,
        body=PACKAGE, answers=(200, 400, 422), scope="Questionnaire.r"),
    Url("POST", "/Questionnaire/$next-question", dtr.next_question, "DTR: the next questions of an adaptive form",
        CLIENT, "Questionnaire/$next-question", body=NEXT, answers=(200, 400), scope="Questionnaire.r"),
    Url("POST", "/$next-question", dtr.next_question, "DTR: the same, at system level", CLIENT,
        body=NEXT, answers=(200, 400), scope="Questionnaire.r"),
    Url("POST", "/adaptive", dtr.next_question, "DTR: the same, at the address that an adaptive form names", CLIENT,
        body=NEXT, answers=(200, 400), scope="Questionnaire.r"),
    Url("POST", "/adaptive/$next-question", dtr.next_question, "DTR: the same, under that address", CLIENT,
        body=NEXT, answers=(200, 400), scope="Questionnaire.r"),
    Url("POST", "/adaptive/Questionnaire/$next-question", dtr.next_question, "DTR: the same, likewise", CLIENT,
        body=NEXT, answers=(200, 400), scope="Questionnaire.r"),
    Url("POST", "/Questionnaire/$log-questionnaire-errors", dtr.log_questionnaire_errors,
        "DTR: what an app could not work with in a form", CLIENT, "Questionnaire/$log-questionnaire-errors",
        body=ERRORS, answers=(200, 400), scope="Questionnaire.r"),
    Url("GET", "/Questionnaire", dtr.search, "DTR: a form by url", CLIENT, "Questionnaire:search-type",
        query=dtr.SEARCH, scope="Questionnaire.s"),
    Url("GET", "/Questionnaire/{id}", dtr.read, "DTR: one form", CLIENT, "Questionnaire:read", answers=(200, 304, 404),
        scope="Questionnaire.r"),
    Url("GET", "/Library", dtr.search, "DTR: a CQL library by url", CLIENT, "Library:search-type", query=dtr.SEARCH,
        scope="Library.s"),
    Url("GET", "/Library/{id}", dtr.read, "DTR: one CQL library", CLIENT, "Library:read", answers=(200, 304, 404),
        scope="Library.r"),
    Url("POST", "/ValueSet/$expand", dtr.expand, "DTR: the codes of a value set by url", CLIENT, "ValueSet/$expand",
        body="expand", answers=(200, 400, 404), scope="ValueSet.r"),
    Url("GET", "/ValueSet/$expand", dtr.expand_by_query, "DTR: the same, with its parameters in the query", CLIENT,
        query=dtr.EXPAND, answers=(200, 400, 404), scope="ValueSet.r"),
    Url("GET", "/ValueSet/{id}/$expand", dtr.expand_one, "DTR: the codes of one value set", CLIENT,
        query=dtr.EXPAND_ONE, answers=(200, 400, 404), scope="ValueSet.r"),
    Url("GET", "/ValueSet", dtr.search, "DTR: a value set by url", CLIENT, "ValueSet:search-type", query=dtr.SEARCH,
        scope="ValueSet.s"),
    Url("GET", "/ValueSet/{id}", dtr.read, "DTR: one value set", CLIENT, "ValueSet:read", answers=(200, 304, 404),
        scope="ValueSet.r"),
    Url("POST", "/Claim/$submit", pas.submit, "PAS: ask for prior authorization", CLIENT, "Claim/$submit",
        body="submit", answers=(200, 400), scope="Claim.c"),
    Url("POST", "/Claim/$inquire", pas.inquire, "PAS: where a request stands", CLIENT, "Claim/$inquire",
        body="inquire", answers=(200, 400), scope="Claim.r"),
    Url("POST", "/$submit-attachment", pas.submit_attachment, "PAS: documents for a request that waits", CLIENT,
        "/$submit-attachment", body="submit-attachment", answers=(200, 400), scope="Claim.u"),
    Url("GET", "/ClaimResponse/{id}", pas.claim_response, "PAS: one answer", CLIENT, "ClaimResponse:read",
        answers=(200, 404), scope="ClaimResponse.r"),
    Url("GET", "/ClaimResponse/{id}/$explain", pas.explain, "Why it was decided so, criterion by criterion", CLIENT,
        "ClaimResponse/$explain", answers=(200, 404), scope="ClaimResponse.r"),
    Url("POST", "/Subscription", subscriptions.create, "PAS: be told of every change of your requests", CLIENT,
        "Subscription:create", body="subscription", answers=(201, 400), scope="Subscription.c"),
    Url("GET", "/Subscription/{id}", subscriptions.read, "PAS: one subscription", CLIENT, "Subscription:read",
        answers=(200, 404), scope="Subscription.r"),
    Url("PUT", "/Subscription/{id}", subscriptions.update, "PAS: change a subscription, begin it anew or stop it",
        CLIENT, "Subscription:update", body="subscription", answers=(200, 400, 404), scope="Subscription.u"),
    Url("DELETE", "/Subscription/{id}", subscriptions.delete, "PAS: forget a subscription", CLIENT,
        "Subscription:delete", answers=(204, 404), scope="Subscription.d"),
    Url("GET", "/Subscription/{id}/$status", subscriptions.status, "PAS: how a subscription stands", CLIENT,
        "Subscription/$status", answers=(200, 404), scope="Subscription.r"),
    Url("POST", "/Subscription/{id}/$status", subscriptions.status, "PAS: the same", CLIENT,
        body="no-parameters", answers=(200, 404), scope="Subscription.r"),
    Url("GET", "/Subscription/{id}/$events", subscriptions.events_by_query, "PAS: what a subscriber was to be told",
        CLIENT, "Subscription/$events", query=subscriptions.EVENTS, answers=(200, 400, 404), scope="Subscription.r"),
    Url("POST", "/Subscription/{id}/$events", subscriptions.events, "PAS: the same", CLIENT,
        body="no-parameters", answers=(200, 400, 404), scope="Subscription.r"),
)
# fmt: on
"""Served under each FHIR base of fhir.version.Version."""

# fmt: off
REVIEW_URLS = (
    Url("GET", "/review", review.worklist, "The work-list", REVIEWER),
    Url("GET", "/review/sign-in", review.sign_in_form, "The form to sign in with", PUBLIC),
    Url("POST", "/review/sign-in", review.sign_in, "Signs a reviewer in", PUBLIC),
    Url("POST", "/review/sign-out", review.sign_out, "Signs a reviewer out", REVIEWER),
    Url("GET", "/review/review.css", review.style, "The desk's style", PUBLIC),
    Url("GET", "/review/htmx.js", review.script, "The desk's script", PUBLIC),
    Url("GET", "/review/case/{id}", review.case_page, "One case: criteria, evidence, documents, history", REVIEWER),
    Url("GET", "/review/case/{id}/changed", review.changed, "Whether a case has changed since then", REVIEWER),
    Url("GET", "/review/case/{id}/document/{number}", review.document, "A document of a case", REVIEWER),
    Url("GET", "/review/unmatched", review.unmatched, "Documents that came for no known request", REVIEWER),
    Url("GET", "/review/unmatched/{id}", review.unmatched_one, "What one such attachment holds", REVIEWER),
    Url("GET", "/review/unmatched/{id}/document/{number}", review.unmatched_document, "A document of it", REVIEWER),
    Url("GET", "/review/case/{id}/letter", review.letter, "The letter to member or provider", REVIEWER),
    Url("POST", "/review/case/{id}/take", review.take, "Takes a case", DECIDER),
    Url("POST", "/review/case/{id}/release", review.release, "Lets a case go", DECIDER),
    Url("GET", "/review/case/{id}/{verb}", review.action_form, "The form of a decision", DECIDER),
    Url("POST", "/review/case/{id}/{verb}", review.action_send, "Says what goes out, then decides", DECIDER),
)
# fmt: on
"""The review desk: pages for people, in HTML."""
