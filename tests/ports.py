"""Ports for servers that have to be told one.

A port that the system chose (`bind` to port 0) and that was let go again may be chosen once more, for another test's
listener, before the server takes it; that listener then hears who asks whether the server is up. So ports come from
below those that the system chooses from, and no two workers of one run are given the same.
"""

from __future__ import annotations

import functools
import itertools
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

# Below are ports that well-known services have.
FIRST = 10_000
# Where Linux starts to choose when nothing is configured, <https://docs.kernel.org/networking/ip-sysctl.html>.
FIRST_CHOSEN_BY_LINUX = 32_768
# After so many ports in a row on which something listens, the reason is another.
MOST_TAKEN = 1_000


def first_chosen_by_the_system() -> int:
    configured = Path("/proc/sys/net/ipv4/ip_local_port_range")
    return int(configured.read_text().split()[0]) if configured.exists() else FIRST_CHOSEN_BY_LINUX


@functools.cache
def _ports_of_this_worker() -> Iterator[int]:
    # pytest-xdist names its workers gw0, gw1, …
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = range(FIRST + worker, first_chosen_by_the_system(), workers)
    if not ports:
        raise AssertionError(f"no port from {FIRST} on is left by net.ipv4.ip_local_port_range for the tests")
    # Another run on this machine starts elsewhere.
    at = random.randrange(len(ports))
    return itertools.cycle([*ports[at:], *ports[:at]])


def free_port() -> int:
    """A port of this machine on which nothing listens, and that nobody gets who has the system choose."""
    for port in itertools.islice(_ports_of_this_worker(), MOST_TAKEN):
        with socket.socket() as probe:
            # As servers do, so that a port whose connections have just ended is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"{MOST_TAKEN} ports from {FIRST} on are all taken")
