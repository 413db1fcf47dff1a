"""kill -9 under load, again and again: what was acknowledged is there, what was refused is not.

KILL_CYCLES sets the number of cycles (20), KILL_SEED the seed, which is printed.
"""

import os
import random
import tempfile
import threading
import time
import unittest

from harness import records
from harness.cases import BASE_CONFIG
from harness.server import Topod
from harness.wire import Closed, WireClient

CYCLES = int(os.environ.get('KILL_CYCLES', '20'))
WRITERS = 4
WINDOW = 16
ANSWERS_BEFORE_KILL_MAX = 3_000
NODE_EXISTS = -110


class Writer(threading.Thread):
    """Creates numbered znodes and counts up one of its own, many requests in flight."""

    def __init__(self, server, name, first):
        super().__init__(daemon=True)
        self.server, self.name, self.next = server, name, first
        self.acknowledged = set()   # numbers of created znodes
        self.in_doubt = set()
        self.counter_acknowledged = None  # version of the counter after the last answer
        self.failure = None

    def run(self):
        try:
            with WireClient(self.server, timeout_ms=30_000) as client:
                self.work(client)
        except (Closed, OSError):
            pass  # the server was killed, which is the point
        except Exception as error:  # whatever else is the test's business
            self.failure = error

    def work(self, client):
        in_flight = []
        while True:
            while len(in_flight) < WINDOW:
                number = self.next
                self.next += 1
                self.in_doubt.add(number)
                requests = [
                    records.create(f'/{self.name}/{number:09}', b'%d' % number),
                    # Refused each time: it must leave no trace.
                    records.create(f'/{self.name}', b'refused'),
                    records.set_data(f'/{self.name}', b'%d' % number),
                ]
                in_flight += [(number, index) for index in range(3)]
                client.send_all(requests)
            for _ in range(3):
                number, index = in_flight.pop(0)
                reply = client.receive_reply()
                if index == 1:
                    if reply.err != NODE_EXISTS:
                        raise AssertionError(f'creating an existing znode gave {reply.err}')
                    continue
                if reply.err:
                    raise AssertionError(f'{self.name} {number} was refused: {reply.err}')
                if index == 0:
                    self.acknowledged.add(number)
                else:
                    self.counter_acknowledged = number


class KillTest(unittest.TestCase):

    def test_no_acknowledged_write_is_lost_over_many_kills(self):
        seed = int(os.environ.get('KILL_SEED', random.randrange(1 << 32)))
        print(f'KILL_SEED={seed}', flush=True)
        chance = random.Random(seed)
        with tempfile.TemporaryDirectory() as folder, Topod(
                data_dir=folder, config=BASE_CONFIG) as server:
            acknowledged = {f'w{index}': set() for index in range(WRITERS)}
            possible = {name: set() for name in acknowledged}
            counters = dict.fromkeys(acknowledged)
            self.first_of_run = {name: set() for name in acknowledged}
            with WireClient(server) as client:
                for name in acknowledged:
                    client.create(f'/{name}', b'0')
            for cycle in range(CYCLES):
                self.one_cycle(server, chance, acknowledged, possible, counters)
                server.restart(graceful=False)
                with self.subTest(cycle=cycle, seed=seed):
                    self.check(server, acknowledged, possible, counters)

    def one_cycle(self, server, chance, acknowledged, possible, counters):
        writers = [Writer(server, name, max(possible[name], default=0) + 1)
                   for name in acknowledged]
        for writer in writers:
            self.first_of_run[writer.name].add(writer.next)
            writer.start()
        enough = chance.randrange(1, ANSWERS_BEFORE_KILL_MAX)
        deadline = time.monotonic() + 30
        while sum(len(writer.acknowledged) for writer in writers) < enough:
            failures = [writer.failure for writer in writers if writer.failure]
            self.assertFalse(failures)
            self.assertLess(time.monotonic(), deadline, 'the writers do not come forward')
            writers[0].join(0.001)
        server.kill()
        for writer in writers:
            writer.join(30)
            self.assertFalse(writer.is_alive())
            self.assertIsNone(writer.failure)
            acknowledged[writer.name] |= writer.acknowledged
            possible[writer.name] |= writer.in_doubt
            if writer.counter_acknowledged is not None:
                counters[writer.name] = writer.counter_acknowledged

    def check(self, server, acknowledged, possible, counters):
        with WireClient(server) as client:
            for name in acknowledged:
                present = {int(child) for child in client.get_children(f'/{name}')}
                self.assertFalse(acknowledged[name] - present, f'{name}: acknowledged and lost')
                self.assertFalse(present - possible[name], f'{name}: never asked for')
                # Requests of one connection are carried out in order: what survives of a run
                # has no holes.
                holes = {number for number in present - self.first_of_run[name]
                         if number - 1 not in present}
                self.assertFalse(holes, f'{name}: an earlier request is missing')
                data, stat = client.get_data(f'/{name}')
                if counters[name] is not None:
                    self.assertGreaterEqual(int(data), counters[name])
                self.assertNotEqual(data, b'refused')
                self.assertEqual(stat.num_children, len(present))


class GracefulStopTest(unittest.TestCase):

    def test_what_was_read_before_sigterm_is_answered_and_kept(self):
        with tempfile.TemporaryDirectory() as folder, Topod(
                data_dir=folder, config=BASE_CONFIG) as server:
            with WireClient(server) as client:
                client.create('/a', b'')
                xids = client.send_all([records.create(f'/a/{i:04}', b'') for i in range(500)])
                answered = []
                answered.append(client.receive_reply().xid)
                server.stop()
                try:
                    while True:
                        answered.append(client.receive_reply().xid)
                except (Closed, OSError):
                    pass
            self.assertEqual(answered, xids[:len(answered)])
            server.start()
            with WireClient(server) as client:
                self.assertEqual(len(client.get_children('/a')), len(answered))

    def test_a_session_goes_on_after_a_restart(self):
        for graceful in (True, False):
            with self.subTest(graceful=graceful), tempfile.TemporaryDirectory() as folder, Topod(
                    data_dir=folder, config=BASE_CONFIG) as server:
                client = WireClient(server, timeout_ms=20_000)
                client.create('/e', b'', flags=1)
                server.restart(graceful=graceful)
                client.close()
                with WireClient(server, **client.credentials) as again:
                    self.assertEqual(again.session_id, client.session_id)
                    self.assertEqual(again.stat('/e').ephemeral_owner, client.session_id)


if __name__ == '__main__':
    unittest.main()
