"""Members in network namespaces of their own, so that links between them can be cut.

A `Network` is a bridge in one namespace, and for each member a namespace with one address on it.
`cut(a, b)` drops what a sends to b (a blackhole route): one way only. Clients open their sockets
inside a member's namespace, so what cuts members off each other does not cut them off their
clients. It takes the right to make namespaces; without it `available()` is false. Nothing outside
of the namespaces is changed.
"""

import atexit
import ctypes
import os
import socket
import subprocess
import threading
import weakref

from .ensemble import Ensemble, Member

CLONE_NEWNET = 0x40000000
PEER_PORT, ELECTION_PORT, CLIENT_PORT = 2888, 3888, 2181
_libc = ctypes.CDLL(None, use_errno=True)
_networks = weakref.WeakSet()


def _ip(*words):
    subprocess.run(['ip', *map(str, words)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, timeout=20)


def available():
    name = f'topod-{os.getpid()}-probe'
    try:
        _ip('netns', 'add', name)
        _ip('netns', 'del', name)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


class Network:
    """Namespaces for members 1 to `count`, with the addresses 10.99.0.1 and so on."""

    _made = 0

    def __init__(self, count):
        Network._made += 1
        self._prefix = f'topod-{os.getpid()}-{Network._made}'
        self._names = []
        _networks.add(self)
        self._hub = self._add('hub')
        _ip('-n', self._hub, 'link', 'add', 'bridge', 'type', 'bridge')
        _ip('-n', self._hub, 'link', 'set', 'bridge', 'up')
        for number in range(1, count + 1):
            self._attach(number)

    def _add(self, name):
        full = f'{self._prefix}-{name}'
        _ip('netns', 'add', full)
        self._names.append(full)
        return full

    def _attach(self, number):
        name = self._add(str(number))
        port = f'member{number}'
        _ip('-n', self._hub, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'net',
            'netns', name)
        _ip('-n', self._hub, 'link', 'set', port, 'master', 'bridge', 'up')
        _ip('-n', name, 'link', 'set', 'lo', 'up')
        _ip('-n', name, 'addr', 'add', f'{self.address(number)}/24', 'dev', 'net')
        _ip('-n', name, 'link', 'set', 'net', 'up')

    @staticmethod
    def address(number):
        return f'10.99.0.{number}'

    def name(self, number):
        return f'{self._prefix}-{number}'

    def cut(self, sender, receiver):
        """What the one sends does not reach the other any more."""
        _ip('-n', self.name(sender), 'route', 'replace', 'blackhole',
            f'{self.address(receiver)}/32')

    def cut_off(self, number, others):
        """Neither hears the other."""
        for other in others:
            self.cut(number, other)
            self.cut(other, number)

    def heal(self):
        """All links work again."""
        for name in self._names[1:]:
            subprocess.run(['ip', '-n', name, 'route', 'flush', 'type', 'blackhole'], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)

    def close(self):
        while self._names:
            subprocess.run(['ip', 'netns', 'del', self._names.pop()], check=False, timeout=20,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def new_socket(self, number):
        """A socket of that member's namespace. A namespace is one of a thread: made in another."""
        made = []

        def make():
            with open(f'/var/run/netns/{self.name(number)}', 'rb') as namespace:
                if _libc.setns(namespace.fileno(), CLONE_NEWNET) == 0:
                    made.append(socket.socket())

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if not made:
            raise OSError(f'cannot enter the namespace {self.name(number)}')
        return made[0]


class NetworkMember(Member):
    """A member in its namespace."""

    def __init__(self, number, config, observes=False, network=None):
        super().__init__(number, config, observes)
        self.network = network
        self.host, self.port = network.address(number), CLIENT_PORT

    def new_socket(self):
        return self.network.new_socket(self.number)

    def _prepare(self):
        command, environment = super()._prepare()
        return ['ip', 'netns', 'exec', self.network.name(self.number), *command], environment


class NetworkEnsemble(Ensemble):
    """An ensemble whose members are reached through a `Network`, which it owns."""

    def __init__(self, voters=3, observers=0, config=None):
        super().__init__(voters, observers, config, NetworkMember)

    def _make_members(self, voters, observers, make_member):
        count = voters + observers
        self.network = Network(count)
        for number in range(1, count + 1):
            role = 'participant' if number <= voters else 'observer'
            host = self.network.address(number)
            self.config[f'server.{number}'] = (f'{host}:{PEER_PORT}:{ELECTION_PORT}:{role};'
                                               f'{host}:{CLIENT_PORT}')
        # They cannot be reached from outside of the namespaces.
        self.config['peerAuth'] = 'none'
        return [make_member(number, dict(self.config), number > voters, network=self.network)
                for number in range(1, count + 1)]

    def close(self):
        super().close()
        self.network.close()


@atexit.register
def _close_all():
    for network in list(_networks):
        network.close()
