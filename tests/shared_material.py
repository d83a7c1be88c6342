"""The reference material beside the checkout; tests that read it skip where it is absent."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
KINERET_CASES = SHARED / "examples" / "kineret"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared reference material is not beside this checkout"
)
