"""What the run of mutations sends: the same for the same seed, spoilt in every way, and always something to send."""

from collections import Counter
from random import Random

from tests.mutations.spoilt import Sent, spoilt

GOOD = Sent("POST", "/fhir/2.2/Claim/$submit", {"content-type": "application/json"}, {"a": [{"b": "c"}], "d": 1})


def test_a_seed_says_what_is_sent() -> None:
    """So that what was found can be found again."""
    first, again, other = ([spoilt(GOOD, ["x"], Random(f"{s}/{n}")) for n in range(50)] for s in (1, 1, 2))
    assert first == again != other


def test_every_way_of_spoiling_comes_up_and_can_be_sent() -> None:
    """Bodies, bytes, headers, addresses, methods and missing tokens; the good request itself is left as it is."""
    ways: Counter[str] = Counter()
    random = Random(7)
    for _ in range(3000):
        sent = spoilt(GOOD, ["mine", "theirs"], random)
        ways["body"] += sent.body != GOOD.body
        ways["bytes"] += sent.raw is not None
        ways["headers"] += sent.headers != GOOD.headers
        ways["path"] += sent.path != GOOD.path
        ways["method"] += sent.method != GOOD.method
        ways["token"] += not sent.token
        ways["another's value"] += b"theirs" in sent.content or "theirs" in sent.path
        assert isinstance(sent.content, bytes)
        assert sent.path.isascii()
        assert not set(sent.path) & set(" \r\n\x00")
    assert len(ways) == 7
    assert min(ways.values()) > 10, ways
    assert GOOD.body == {"a": [{"b": "c"}], "d": 1}
