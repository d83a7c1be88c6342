"""The documents of a request, and how one is shown: as text, a picture or a PDF by its own bytes, else to be saved.

What a sender calls a document's type is not believed, and nothing that could run in a page is sent as what it is.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from starlette.responses import Response

from server.decision.case import Attached, Fact, Received, Updated
from server.fhir.read import BundleIndex, Resource, dicts
from server.review.pages import COMMON

_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_LONGEST_TEXT = 100_000  # characters that a page shows; the whole is there to be saved
_SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'self'"
_OF_PDF = "default-src 'none'; object-src 'self'; frame-ancestors 'self'"  # a browser's PDF viewer runs in no sandbox


@dataclass(frozen=True, slots=True)
class Document:
    """number: its place among all that came, for good. kind: text, picture, pdf or other. said: the sender's type.

    text: of a text, what a page shows; empty for others. left_out: it came with an earlier version of the request, and
    the one that stands does without it.
    """

    number: int
    title: str
    said: str
    kind: str
    media: str
    data: bytes
    text: str = ""
    left_out: bool = False


def documents_of(facts: Iterable[Fact]) -> list[Document]:
    """Every attachment with bytes that came with a request or later, each once: of documents, answers, reports."""
    indexes = [f.request.index for f in facts if isinstance(f, Received | Updated | Attached)]
    versions = [documents_in([r for _, _, r in index.entries], index) for index in indexes]
    standing = {_content(d) for d in versions[-1]} if versions else set()
    each: dict[tuple[str, bytes], Document] = {}
    for document in chain.from_iterable(versions):
        each.setdefault(_content(document), document)
    return [replace(d, number=n, left_out=c not in standing) for n, (c, d) in enumerate(each.items(), 1)]


def _content(document: Document) -> tuple[str, bytes]:
    return document.said, document.data


def documents_in(resources: Iterable[Resource], index: BundleIndex) -> list[Document]:
    """index: of the Bundle that holds the Binary resources which attachments name."""
    found: list[Document] = []
    for resource in resources:
        for attachment in _attachments(resource):
            data = _bytes_of(attachment, index)
            if data is not None:
                found.append(_document(len(found) + 1, resource, attachment, data))
    return found


def response_of(document: Document) -> Response:
    """The bytes of one document, so that no browser runs any of it."""
    policy = _OF_PDF if document.kind == "pdf" else _SANDBOX
    headers = COMMON | {"Content-Security-Policy": policy}
    if document.kind == "other":
        headers["Content-Disposition"] = f'attachment; filename="document-{document.number}.bin"'
    return Response(document.data, media_type=document.media, headers=headers)


def _document(number: int, resource: Resource, attachment: Resource, data: bytes) -> Document:
    said = str(attachment.get("contentType") or "no type given")[:100]
    title = str(attachment.get("title") or resource.get("description") or f"Document {number}")[:200]
    media = next((media for magic, media in _MAGIC if data.startswith(magic)), None)
    if media:
        return Document(number, title, said, "pdf" if media.endswith("pdf") else "picture", media, data)
    text = _text(data)
    if text is not None:
        return Document(number, title, said, "text", "text/plain; charset=utf-8", data, text[:_LONGEST_TEXT])
    return Document(number, title, said, "other", "application/octet-stream", data)


def _text(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _attachments(resource: Resource) -> Iterator[Resource]:
    """Every Attachment with data or an address, wherever it stands in a resource; a Binary is one of its own."""
    if resource.get("resourceType") == "Binary":
        return  # it is shown where a document names it
    waiting: list[Any] = [resource]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, dict):
            if isinstance(node.get("data" if "data" in node else "url"), str) and "contentType" in node:
                yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += dicts(node)


def _bytes_of(attachment: Resource, index: BundleIndex) -> bytes | None:
    data = attachment.get("data")
    if data is None:
        binary = index.resolve(attachment.get("url"))
        data = binary.get("data") if binary and binary.get("resourceType") == "Binary" else None
    if not isinstance(data, str):
        return None
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
