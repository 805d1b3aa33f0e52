"""Waiting for something to become true. Deadlines are generous: they end a hang, they measure nothing."""

import time


def wait_until(condition, what, timeout=20.0, interval=0.05):
    """Gives the first true result of `condition`; fails saying `what` did not happen."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(interval)
