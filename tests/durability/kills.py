"""How often the durability tests kill, and when."""

import os
import random
import time

KILLS = int(os.environ.get("VITRUVIAN_TEST_KILLS", "50"))


def at_a_random_moment(chance: random.Random, longest_seconds: float) -> None:
    """Lets the victim run for a while that has nothing to do with what it is doing."""
    time.sleep(chance.uniform(0, longest_seconds))
