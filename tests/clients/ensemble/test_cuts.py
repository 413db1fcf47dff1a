"""Links between members are cut, one way or both: a majority goes on, the rest does not pretend.

Each member has a network namespace of its own, so this needs the right to make them (root); clients
keep reaching their members.
"""

import os
import random
import time
import unittest

from harness import records
from harness.network import NetworkEnsemble, available
from harness.wire import Closed, WireClient

from .registers import RegisterClient, create_registers, violations

ROUNDS = int(os.environ.get('CUT_ROUNDS', '5'))


@unittest.skipUnless(available(), 'network namespaces cannot be made here')
class CutTest(unittest.TestCase):

    def setUp(self):
        self.ensemble = NetworkEnsemble(3)
        self.addCleanup(self.ensemble.close)
        self.ensemble.start()
        self.network = self.ensemble.network

    def numbers_besides(self, member):
        return [other.number for other in self.ensemble.members if other is not member]

    def new_leader(self, old):
        """Somebody else who leads, while the old one may still believe that it does."""
        found = []

        def is_there():
            found[:] = [member for member in self.ensemble.others(old)
                        if member.mode() == 'leader']
            return bool(found)

        self.ensemble.await_that(is_there, 'another leader')
        return found[0]

    def check_agreement(self):
        """All links work again: everybody serves, and holds the same."""
        self.network.heal()
        self.ensemble.await_all_serve()
        states = set()
        for member in self.ensemble.members:
            with WireClient(member) as client:
                client.sync()
                states.add(tuple(sorted(client.get_children('/'))))
        self.assertEqual(len(states), 1, states)

    def leader_loses(self, cut):
        """The leader is cut off by `cut(leader)`; what it says meanwhile must not be believed."""
        leader = self.ensemble.leader()
        with WireClient(leader, timeout_ms=30_000) as client:
            client.create('/before')
            cut(leader)
            # Asked of a leader that has just lost its followers: never acknowledged by it alone.
            xids = client.send_all([records.create('/lost'), records.sync()])
            successor = self.new_leader(leader)
            with WireClient(successor) as other:
                other.sync()
                other.create('/after')
                known = other.get_children('/')
            self.ensemble.await_that(lambda: leader.mode() is None, 'the old leader steps down')
            self.network.heal()
            answered = self.answers(client, xids)
        self.check_agreement()
        with WireClient(leader) as client:
            client.sync()
            present = client.get_children('/')
        self.assertTrue(set(known) <= set(present))
        if xids[0] in answered:
            self.assertIn('lost', present)

    @staticmethod
    def answers(client, xids):
        """Which of the requests were answered without error before the connection was closed."""
        answered = set()
        try:
            for xid in xids:
                if client.receive_reply(xid).err == 0:
                    answered.add(xid)
        except (Closed, OSError):
            pass
        return answered

    def test_a_leader_that_is_cut_off_is_replaced(self):
        self.leader_loses(
            lambda leader: self.network.cut_off(leader.number, self.numbers_besides(leader)))

    def test_a_leader_that_is_not_heard_is_replaced(self):
        self.leader_loses(lambda leader: [self.network.cut(leader.number, other)
                                          for other in self.numbers_besides(leader)])

    def test_a_leader_that_hears_nobody_is_replaced(self):
        self.leader_loses(lambda leader: [self.network.cut(other, leader.number)
                                          for other in self.numbers_besides(leader)])

    def test_a_follower_that_is_cut_off_disturbs_nobody(self):
        leader = self.ensemble.leader()
        follower = self.ensemble.others(leader)[0]
        with WireClient(leader, timeout_ms=30_000) as client:
            self.network.cut_off(follower.number, self.numbers_besides(follower))
            client.create('/a')
            self.ensemble.await_that(lambda: follower.mode() is None, 'the follower notices')
            client.create('/b')
            epoch = leader.zxid() >> 40
            self.check_agreement()
            self.assertEqual(self.ensemble.leader(), leader)
            self.assertEqual(leader.zxid() >> 40, epoch, 'its return cost an election')
            client.create('/c')

    def test_registers_are_linearizable_over_cuts(self):
        seed = int(os.environ.get('CUT_SEED', random.randrange(1 << 32)))
        print(f'CUT_SEED={seed}', flush=True)
        chance = random.Random(seed)
        with WireClient(self.ensemble.leader()) as client:
            create_registers(client)
        clients = [RegisterClient(member, number, chance.random())
                   for number, member in enumerate(self.ensemble.members * 2)]
        self.addCleanup(lambda: [client.stopping.set() for client in clients])
        for client in clients:
            client.start()
        for _ in range(ROUNDS):
            for _ in range(chance.randint(1, 4)):
                self.network.cut(*chance.sample([1, 2, 3], 2))
            time.sleep(3 * chance.random())
            self.check_agreement()
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(60)
            self.assertFalse(client.is_alive())
            self.assertIsNone(client.failure)
        history = [operation for client in clients for operation in client.history]
        self.assertGreater(len(history), 100)
        self.assertEqual(violations(history), [], f'CUT_SEED={seed}')


if __name__ == '__main__':
    unittest.main()
