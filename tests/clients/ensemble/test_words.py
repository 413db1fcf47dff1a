"""What members of an ensemble tell the administrator, by their roles."""

import unittest

from harness import records
from harness.ensemble import Ensemble
from harness.wire import WireClient, four_letter

LEADER_FIGURES = ('learners', 'followers', 'synced_followers', 'synced_observers', 'pending_syncs',
                  'leader_uptime', 'last_proposal_size', 'min_proposal_size', 'max_proposal_size')


class WordsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.ensemble = Ensemble(3, 1)
        cls.addClassCleanup(cls.ensemble.close)
        cls.ensemble.start()

    def test_each_tells_its_role(self):
        modes = sorted(member.mode() for member in self.ensemble.members)
        self.assertEqual(modes, ['follower', 'follower', 'leader', 'observer'])
        for member in self.ensemble.members:
            figures = member.figures()
            self.assertEqual(figures['server_state'], member.mode())
            self.assertEqual(figures['quorum_size'], '3')
            self.assertEqual(figures['linked_peers'], '3')
            self.assertGreaterEqual(int(figures['election_count']), 1)
            self.assertGreaterEqual(int(figures['cnt_election_time']), 1)
            self.assertEqual(four_letter(member, 'isro'), 'rw')
            self.assertIn(f'peerType={1 if member.observes else 0}\n',
                          four_letter(member, 'conf'))

    def test_a_leader_tells_of_its_learners(self):
        leader = self.ensemble.leader()
        figures = leader.figures()
        self.assertEqual(figures['peer_state'], 'leading - broadcast')
        self.assertEqual([name for name in LEADER_FIGURES if name not in figures], [])
        self.assertEqual((figures['learners'], figures['synced_followers'],
                          figures['synced_observers']), ('3', '2', '1'))
        for other in self.ensemble.others(leader):
            self.assertIn(f'learner_lag_{other.number}', figures)
            others = other.figures()
            self.assertEqual([name for name in LEADER_FIGURES if name in others], [])
            kind = 'observing' if other.observes else 'following'
            self.assertEqual(others['peer_state'], f'{kind} - broadcast')

    def test_a_follower_that_hangs_lags(self):
        leader = self.ensemble.leader()
        follower = next(m for m in self.ensemble.others(leader) if not m.observes)
        lag = f'learner_lag_{follower.number}'
        with WireClient(leader) as client:
            client.create('/lag')
            follower.pause()
            self.addCleanup(follower.resume)
            for _ in range(10):
                client.call(records.set_data('/lag', b''))
            # Ten at least, unless it has been given up already.
            self.assertGreaterEqual(int(leader.figures().get(lag, 10)), 10)
            follower.resume()
            self.ensemble.await_that(lambda: leader.figures().get(lag) == '0', 'caught up')

    def test_the_members_are_published_with_their_client_addresses(self):
        texts = set()
        for member in self.ensemble.members:
            with WireClient(member) as client:
                data, stat = client.get_data('/zookeeper/config')
                self.assertEqual(stat.data_length, len(data))
                texts.add(data.decode())
        text, = texts
        lines = text.split('\n')
        self.assertEqual(lines[-1], 'version=0')
        for member, line in zip(self.ensemble.members, lines):
            self.assertTrue(line.startswith(f'server.{member.number}='), line)
            self.assertTrue(line.endswith(f';{member.address}'), line)


class NoQuorumTest(unittest.TestCase):

    def test_who_lost_the_quorum_says_so(self):
        with Ensemble(3) as ensemble:
            survivor = ensemble.leader()
            for other in ensemble.others(survivor):
                other.kill()
            ensemble.await_that(
                lambda: 'not currently serving' in four_letter(survivor, 'srvr'), 'not serving')
            self.assertEqual(four_letter(survivor, 'isro'), 'null')
            self.assertEqual(four_letter(survivor, 'ruok'), 'imok')
            self.assertEqual(four_letter(survivor, 'mntr'),
                             'This ZooKeeper instance is not currently serving requests\n')
            self.assertIn('quorum', survivor.status()['Last change'])
            ensemble.start()
            ensemble.await_all_serve()


if __name__ == '__main__':
    unittest.main()
