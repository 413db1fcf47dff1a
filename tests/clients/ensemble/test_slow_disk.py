"""A member whose disk is a hundred times slower than the others', or hangs."""

import unittest

from harness.ensemble import Ensemble
from harness.slow_disk import SlowDiskMember
from harness.wire import WireClient

from .writer import WINDOW, Writer

SLOW_MS = 30
HANGS_MS = 5_000


class SlowDiskTest(unittest.TestCase):

    def setUp(self):
        self.ensemble = Ensemble(3, make_member=SlowDiskMember)
        self.addCleanup(self.ensemble.close)
        self.ensemble.start()
        self.leader = self.ensemble.leader()

    def start_writer(self, member):
        writer = Writer(member, f'/w{member.number}', timeout_ms=60_000)
        self.addCleanup(writer.close)
        writer.start()
        return writer

    def await_writes(self, writer, count):
        enough = writer.answered + count
        self.ensemble.await_that(lambda: writer.failure or writer.answered >= enough,
                                 'writes are answered')

    def check_all_have(self, writer):
        count = writer.finish() // 2
        for member in self.ensemble.members:
            with WireClient(member) as client:
                client.sync()
                self.assertEqual(len(client.get_children(f'{writer.base}/children')), count)

    def test_a_leader_whose_disk_hangs_is_replaced_without_a_disconnect(self):
        writer = self.start_writer(self.ensemble.others(self.leader)[0])
        self.await_writes(writer, 4 * WINDOW)
        self.leader.slow_down(HANGS_MS)
        self.ensemble.await_that(
            lambda: any(other.mode() == 'leader' for other in self.ensemble.others(self.leader)),
            'another one leads')
        self.await_writes(writer, 4 * WINDOW)
        self.assertIn('the log does not become durable', self.leader.log_text())
        self.leader.slow_down(0)
        self.ensemble.await_that(lambda: self.leader.mode() == 'follower', 'it follows')
        self.check_all_have(writer)

    def test_a_slow_follower_holds_up_nobody_else(self):
        slow = self.ensemble.others(self.leader)[0]
        elections = self.leader.figures()['election_count']
        slow.slow_down(SLOW_MS)
        writer = self.start_writer(self.leader)
        # They would take half a minute if each window waited for that disk.
        self.await_writes(writer, 1_000 * WINDOW)
        self.assertEqual(self.leader.figures()['election_count'], elections)
        self.assertEqual(slow.mode(), 'follower')
        slow.slow_down(0)
        self.check_all_have(writer)


if __name__ == '__main__':
    unittest.main()
