"""Registers stay linearizable while members are killed, hang and come back.

REGISTER_SEED sets the seed, which is printed; REGISTER_FAULTS how many faults there are (6).
"""

import os
import random
import time
import unittest

from harness.ensemble import Ensemble
from harness.slow_links import SlowLinksEnsemble
from harness.wire import WireClient

from .registers import Operation, RegisterClient, create_registers, violations

FAULTS = int(os.environ.get('REGISTER_FAULTS', '6'))
CLIENTS_PER_MEMBER = 2
LINK_DELAY_S = 0.05
FAR_FAULTS = max(2, FAULTS // 4)


class RegisterTest(unittest.TestCase):

    def test_registers_are_linearizable_over_kills_and_pauses(self):
        with Ensemble(3, 1) as ensemble:
            self.check_over_faults(ensemble, FAULTS, 10)

    def test_registers_are_linearizable_where_members_are_far_from_each_other(self):
        with SlowLinksEnsemble(LINK_DELAY_S, 3, 1) as ensemble:
            leader = ensemble.leader()
            with WireClient(ensemble.others(leader)[0]) as client:
                client.create('/far')
                began = time.monotonic()
                client.set_data('/far', b'away')
                # To the leader, to a follower and back.
                self.assertGreater(time.monotonic() - began, 3 * LINK_DELAY_S)
            self.check_over_faults(ensemble, FAR_FAULTS, 4)

    def check_over_faults(self, ensemble, faults, progress):
        """Between faults every client of the others does `progress` operations."""
        seed = int(os.environ.get('REGISTER_SEED', random.randrange(1 << 32)))
        print(f'REGISTER_SEED={seed}', flush=True)
        chance = random.Random(seed)
        with WireClient(ensemble.leader()) as client:
            create_registers(client)
        clients = [RegisterClient(member, number, chance.random())
                   for number, member in enumerate(ensemble.members * CLIENTS_PER_MEMBER)]
        self.addCleanup(lambda: [client.stopping.set() for client in clients])
        for client in clients:
            client.start()
        for _ in range(faults):
            leader = ensemble.leader()
            victim = chance.choice([leader, leader, *ensemble.others(leader)])
            self.await_progress(ensemble, clients, victim, progress)
            if chance.random() < 0.5:
                victim.kill()
                self.await_progress(ensemble, clients, victim, progress)
                victim.start()
            else:
                victim.pause()
                time.sleep(chance.random() * 3)
                victim.resume()
            ensemble.await_all_serve()
        self.await_progress(ensemble, clients, None, progress)
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(60)
            self.assertFalse(client.is_alive())
            self.assertIsNone(client.failure)
        history = [operation for client in clients for operation in client.history]
        self.assertEqual(violations(history), [], f'REGISTER_SEED={seed}')

    def await_progress(self, ensemble, clients, victim, progress):
        wanted = [(client, len(client.history) + progress) for client in clients
                  if client.server is not victim]

        def all_got_on():
            for client in clients:
                self.assertIsNone(client.failure)
            return all(len(client.history) >= count for client, count in wanted)

        ensemble.await_that(all_got_on, 'all clients get on')


class ViolationsTest(unittest.TestCase):
    """What the check is worth: each of these histories is no register's."""

    @staticmethod
    def write(begin, end, version, value=b'v'):
        return Operation(0, begin, end, True, version, value)

    @staticmethod
    def read(begin, end, version, value=b'v'):
        return Operation(0, begin, end, False, version, value)

    def test_a_good_history_is_passed(self):
        doubt = Operation(0, 1, None, True, None, b'w')
        self.assertEqual(violations([self.read(0, 1, 0, b'first'), self.write(1, 4, 1), doubt,
                                     self.read(2, 3, 1), self.read(5, 6, 2, b'w')]), [])

    def test_what_no_register_does_is_found(self):
        for name, history in {
                'a stale read': [self.write(0, 1, 1), self.read(2, 3, 0, b'first')],
                'a lost write': [self.write(0, 1, 1), self.write(2, 3, 1, b'w')],
                'a write before its time': [self.write(0, 1, 2), self.write(2, 3, 1, b'w')],
                'a value of nobody': [self.read(0, 1, 1, b'x')],
                'reads that go back': [self.write(0, 9, 1), self.read(1, 2, 1),
                                       self.read(3, 4, 0, b'first')],
        }.items():
            with self.subTest(name=name):
                self.assertNotEqual(violations(history), [])


if __name__ == '__main__':
    unittest.main()
