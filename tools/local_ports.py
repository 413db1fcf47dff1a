"""Ports for servers on this machine that must be known before the servers are started."""

import pathlib
import random
import socket

LOOPBACK = '127.0.0.1'
# Below are those of well-known services, above those that are left to the last.
PORT_MIN, PORT_MAX = 10_000, 60_000
OUTGOING_RANGE = pathlib.Path('/proc/sys/net/ipv4/ip_local_port_range')
TRIES_MAX = 10_000


def free_ports(count):
    """Different ports that nobody listens on now.

    They are not of those that the kernel gives to outgoing connections, if it leaves enough others:
    between now and the start of its server such a port may become the near end of a connection.
    """
    outgoing_min = int(OUTGOING_RANGE.read_text().split()[0])
    end = outgoing_min if outgoing_min >= 2 * PORT_MIN else PORT_MAX
    found = set()
    for _ in range(TRIES_MAX):
        if len(found) == count:
            return list(found)
        port = random.randrange(PORT_MIN, end)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        found.add(port)
    raise OSError(f'no {count} ports are free')
