"""Locks of three makers, each held by somebody of its own until it is to give it back.

All of them have `name`, `held` (an event) and `give()`, and wait for the lock in the background
from the moment that they are made.
"""

import subprocess
import threading

from locks import java
from topoctl.tool import topoctl_binary

DEADLINE_S = 60


class Ours:
    """topoctl, with `options` as a user gives them."""

    def __init__(self, hosts, queue, *options):
        self.name = 'topoctl lock ' + ' '.join(options)
        self.held = threading.Event()
        self._process = subprocess.Popen(
            [topoctl_binary(), '--servers', hosts, 'lock', '--queue', *options, queue, '--',
             'sh', '-c', 'echo held; read line'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            if line == 'held\n':
                self.held.set()

    def give(self):
        self._process.stdin.write('\n')
        self._process.stdin.close()

    def close(self):
        try:
            if not self._process.stdin.closed:
                self._process.kill()
                self._process.stdin.close()
            self._process.wait(DEADLINE_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            self._process.stdout.close()


class Kazoo:
    """A lock that one of kazoo's classes has made."""

    def __init__(self, lock):
        self.name = f'kazoo {type(lock).__name__}'
        self.held = threading.Event()
        self._lock = lock
        self._give = threading.Event()
        self._thread = threading.Thread(target=self._hold, daemon=True)
        self._thread.start()

    def _hold(self):
        self._lock.acquire(timeout=DEADLINE_S)
        self.held.set()
        self._give.wait()
        self._lock.release()

    def give(self):
        self._give.set()

    def close(self):
        self._lock.cancel()
        self._give.set()
        self._thread.join(DEADLINE_S)


class CuratorProgram:
    """LockTaker.java; its locks are made by `take`."""

    def __init__(self, hosts):
        self._process = subprocess.Popen([*java.command('LockTaker'), hosts], text=True, bufsize=1,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._takers = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            words = line.split()
            if words[0] == 'held':
                self._takers[int(words[1])].held.set()

    def take(self, kind, queue):
        taker = CuratorTaker(self, kind, len(self._takers))
        self._takers.append(taker)
        self.tell(f'take {taker.number} {kind} {queue}')
        return taker

    def tell(self, line):
        self._process.stdin.write(line + '\n')

    def close(self):
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdin.close()
        self._process.stdout.close()


class CuratorTaker:

    def __init__(self, program, kind, number):
        self.name = f'Curator {kind}'
        self.held = threading.Event()
        self.number = number
        self._program = program
        self._has_given = False

    def give(self):
        self._has_given = True
        self._program.tell(f'give {self.number}')

    def close(self):
        if not self._has_given:
            self.give()
