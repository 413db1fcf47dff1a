#!/usr/bin/python3
"""kazoo_worker.py HOSTS QUEUE RESOURCE_PORT NAME SECONDS HOLD_MS: the same with kazoo's Lock.

It is told of Curator's names, which it does not look for by itself.
"""

import socket
import sys
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import KazooException, LockTimeout
from kazoo.handlers.threading import KazooTimeoutError

SESSION_TIMEOUT_S = 2
BETWEEN_USES_S = 0.005


def ask(resource, line):
    resource.write(line + '\n')
    resource.flush()
    return resource.readline() == 'ok\n'


class Worker:

    def __init__(self, hosts, queue, resource, name, hold_s):
        self.queue, self.resource, self.name, self.hold_s = queue, resource, name, hold_s
        self.lost = False
        self.client = KazooClient(hosts=hosts, timeout=SESSION_TIMEOUT_S)
        self.client.add_listener(self.changed)
        self.client.start(timeout=30)

    def changed(self, state):
        if state == KazooState.LOST:
            self.lost = True

    def cycle(self):
        """True if the lock was held. A connection may be lost anywhere."""
        lock = self.client.Lock(self.queue, self.name, extra_lock_patterns=('-lock-',))
        held = False
        try:
            lock.acquire(timeout=20)
            self.lost = False
            path = f'{self.queue}/{lock.node}'
            stat = self.client.exists(path)
            if stat:
                held = True
                self.use(f'{self.name} {stat.czxid}', path)
        except (LockTimeout, KazooException, KazooTimeoutError):
            pass
        while True:
            # kazoo gives up on what is uncertain; a place that stays would block all others.
            try:
                lock.release()
                for child in self.client.get_children(self.queue):
                    if child.startswith(lock.prefix):
                        self.client.delete(f'{self.queue}/{child}')
                return held
            except (KazooException, KazooTimeoutError):
                time.sleep(0.05)

    def use(self, who, path):
        enough = time.monotonic() + self.hold_s
        is_welcome = ask(self.resource, f'enter {who} {path}')
        while is_welcome and not self.lost and time.monotonic() < enough:
            time.sleep(BETWEEN_USES_S)
            is_welcome = ask(self.resource, f'use {who}')
        # Who has lost it writes once more, as one who does not look: the resource sees to it.
        ask(self.resource, f'{"use" if self.lost else "leave"} {who}')


def main():
    hosts, queue, port, name, seconds, hold_ms = sys.argv[1:7]
    resource = socket.create_connection(('127.0.0.1', int(port))).makefile('rw')
    worker = Worker(hosts, queue, resource, name, int(hold_ms) / 1000)
    until, held = time.monotonic() + int(seconds), 0
    while time.monotonic() < until:
        held += worker.cycle()
    print(f'held {held} times', flush=True)


if __name__ == '__main__':
    main()
