"""Registers stay linearizable while members are killed, hang and come back.

REGISTER_SEED sets the seed, which is printed; REGISTER_FAULTS how many faults there are (6).
"""

import os
import random
import time
import unittest

from harness.ensemble import Ensemble
from harness.wire import WireClient

from .registers import Operation, RegisterClient, create_registers, violations

FAULTS = int(os.environ.get('REGISTER_FAULTS', '6'))
CLIENTS_PER_MEMBER = 2


class RegisterTest(unittest.TestCase):

    def test_registers_are_linearizable_over_kills_and_pauses(self):
        seed = int(os.environ.get('REGISTER_SEED', random.randrange(1 << 32)))
        print(f'REGISTER_SEED={seed}', flush=True)
        chance = random.Random(seed)
        with Ensemble(3, 1) as ensemble:
            with WireClient(ensemble.leader()) as client:
                create_registers(client)
            clients = [RegisterClient(member, number, chance.random())
                       for number, member in enumerate(ensemble.members * CLIENTS_PER_MEMBER)]
            self.addCleanup(lambda: [client.stopping.set() for client in clients])
            for client in clients:
                client.start()
            for _ in range(FAULTS):
                leader = ensemble.leader()
                victim = chance.choice([leader, leader, *ensemble.others(leader)])
                self.await_progress(ensemble, clients, victim)
                if chance.random() < 0.5:
                    victim.kill()
                    self.await_progress(ensemble, clients, victim)
                    victim.start()
                else:
                    victim.pause()
                    time.sleep(chance.random() * 3)
                    victim.resume()
                ensemble.await_all_serve()
            self.await_progress(ensemble, clients, None)
            for client in clients:
                client.stopping.set()
            for client in clients:
                client.join(60)
                self.assertFalse(client.is_alive())
                self.assertIsNone(client.failure)
            history = [operation for client in clients for operation in client.history]
            self.assertEqual(violations(history), [], f'REGISTER_SEED={seed}')

    def await_progress(self, ensemble, clients, victim):
        """Every client of the others has some more operations behind it."""
        wanted = [(client, len(client.history) + 10) for client in clients
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
