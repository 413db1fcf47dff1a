"""Registers that many clients read and write, and the proof that they behaved as one.

A write tells its version, which is its place in the order of all writes; a read is a sync and what
comes behind it. So a history is linearizable exactly if versions never go against real time, each
belongs to one write, and a read shows what the write of its version wrote (Herlihy and Wing, 1990;
the order is known, nothing has to be searched). Times are of one monotonic clock.
"""

import random
import threading
import time
from typing import NamedTuple

from harness import records
from harness.codes import Op
from harness.wire import Closed, WireClient

REGISTERS = 3
REPLY_DEADLINE_S = 30


class Operation(NamedTuple):
    register: int
    begin: float
    end: float       # None: the outcome is not known
    is_write: bool
    version: int     # None: not known
    value: bytes


def path_of(register):
    return f'/register{register}'


class RegisterClient(threading.Thread):
    """One operation after another at one member, until `stopping`; connects again as needed.

    `connect(server)` makes the connection."""

    def __init__(self, server, number, seed, connect=WireClient):
        super().__init__(daemon=True)
        self.server, self.number, self.connect = server, number, connect
        self.chance = random.Random(seed)
        self.history = []
        self.failure = None
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set() and not self.failure:
            try:
                with self.connect(self.server) as client:
                    while not self.stopping.is_set():
                        self._operate(client)
            except (Closed, OSError):
                self.stopping.wait(0.02)
            except Exception as error:
                self.failure = error

    def _operate(self, client):
        register = self.chance.randrange(REGISTERS)
        is_write = self.chance.random() < 0.5
        value = b'%d.%d' % (self.number, len(self.history)) if is_write else None
        place = len(self.history)
        begin = time.monotonic()
        # As long as nothing else is known, it may take effect at any time.
        self.history.append(Operation(register, begin, None, is_write, None, value))
        if is_write:
            client.send(records.set_data(path_of(register), value))
            reply = client.receive_reply(deadline_s=REPLY_DEADLINE_S)
            version = records.decode_body(Op.SET_DATA, reply.body).version if not reply.err else 0
        else:
            client.send_all([records.sync(path_of(register)),
                             records.get_data(path_of(register))])
            synced = client.receive_reply(deadline_s=REPLY_DEADLINE_S)
            reply = client.receive_reply(deadline_s=REPLY_DEADLINE_S)
            if synced.err or reply.err:
                raise Closed('no answer counts without its sync')
            value, stat = records.decode_body(Op.GET_DATA, reply.body)
            version = stat.version
        if reply.err:
            raise AssertionError(f'error {reply.err} where none can be')
        self.history[place] = Operation(register, begin, time.monotonic(), is_write, version,
                                        value)


def create_registers(client):
    for register in range(REGISTERS):
        client.create(path_of(register), b'first')


def violations(history):
    """What contradicts linearizability, as sentences; empty if nothing does."""
    wrong = []
    for register in range(REGISTERS):
        of_register = [o for o in history if o.register == register]
        wrong += _violations_of_one([o for o in of_register if o.end is not None],
                                    {o.value for o in of_register if o.end is None and o.is_write})
    return wrong


def _violations_of_one(known, in_doubt):
    wrong = []
    written = {0: b'first'}
    for operation in known:
        if operation.is_write:
            if operation.version in written:
                wrong.append(f'two writes have version {operation.version}')
            written[operation.version] = operation.value
    for operation in known:
        if operation.is_write:
            continue
        # The write of a version that nobody was told of must be one in doubt.
        expected = written.get(operation.version)
        if expected is None and operation.value in in_doubt:
            written[operation.version] = operation.value
        elif operation.value != expected:
            wrong.append(f'a read of version {operation.version} shows {operation.value!r}, '
                         f'written was {expected!r}')
    return wrong + _against_time(known)


def _against_time(known):
    """Operations that began after another had ended, and show less than it."""
    wrong = []
    ended = sorted(known, key=lambda operation: operation.end)
    place, newest = 0, None
    for operation in sorted(known, key=lambda operation: operation.begin):
        while place < len(ended) and ended[place].end < operation.begin:
            if newest is None or ended[place].version > newest.version:
                newest = ended[place]
            place += 1
        if newest is None:
            continue
        least = newest.version + 1 if operation.is_write else newest.version
        if operation.version < least:
            wrong.append(f'{operation} began after {newest} had ended')
    return wrong
