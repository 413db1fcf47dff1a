"""Ports for servers on this machine that must be known before the servers are started."""

import pathlib
import random
import socket

LOOPBACK = '127.0.0.1'
# Below are those of well-known services, above those that are left to the last.
PORT_MIN, PORT_MAX = 10_000, 60_000
OUTGOING_RANGE = pathlib.Path('/proc/sys/net/ipv4/ip_local_port_range')
TRIES_MAX = 10_000


def _reserve(port):
    """Leaves a closed connection behind at that port, if nobody has it.

    For a minute the kernel lets nobody bind it but those who, as servers do, set SO_REUSEADDR:
    whoever looks for a free port meanwhile finds another.
    """
    with socket.socket() as listener, socket.socket() as near:
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
        # Set now, it lets others reuse the address; set before, it would have let us.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.listen()
        near.connect((LOOPBACK, port))
        accepted, _ = listener.accept()
        accepted.close()  # first: so it is this end that lingers
    return True


def free_ports(count):
    """Different ports that nobody listens on now, and that no other caller is given.

    They are not of those that the kernel gives to outgoing connections, if it leaves enough others:
    between now and the start of its server such a port may become the near end of a connection.
    """
    outgoing_min = int(OUTGOING_RANGE.read_text().split()[0])
    end = outgoing_min if outgoing_min >= 2 * PORT_MIN else PORT_MAX
    found = []
    for _ in range(TRIES_MAX):
        if len(found) == count:
            return found
        port = random.randrange(PORT_MIN, end)
        if _reserve(port):
            found.append(port)
    raise OSError(f'no {count} ports are free')
