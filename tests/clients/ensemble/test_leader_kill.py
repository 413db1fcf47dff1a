"""The leader is killed while clients of the other members write: they notice a pause, nothing else.

Their connections stay, every write in flight gets its one answer, in order, and none is carried
out twice. LEADER_KILLS sets how often (20).
"""

import os
import unittest

from harness.ensemble import Ensemble
from harness.wire import WireClient

from .writer import WINDOW, Writer

KILLS = int(os.environ.get('LEADER_KILLS', '20'))
CLIENTS_PER_MEMBER = 2
# The pause must not be cut short on a busy machine: it is exactness that is tested here.
CONFIG = {'failoverHoldMs': 30_000, 'initLimit': 60}


class LeaderKillTest(unittest.TestCase):

    def test_clients_of_other_members_notice_a_pause_and_nothing_else(self):
        with Ensemble(3, config=CONFIG) as ensemble:
            for kill in range(KILLS):
                with self.subTest(kill=kill):
                    self.kill_leader_under_load(ensemble, kill, self.leave_by_kill)

    def test_a_leader_that_is_asked_to_stop_hands_over_first(self):
        with Ensemble(3, config=CONFIG) as ensemble:
            for stop in range(3):
                with self.subTest(stop=stop):
                    self.kill_leader_under_load(ensemble, stop, self.leave_by_stop)

    @staticmethod
    def leave_by_kill(leader):
        leader.kill()

    def leave_by_stop(self, leader):
        self.assertEqual(leader.stop(), 0)

    def kill_leader_under_load(self, ensemble, turn, leave):
        leader = ensemble.leader()
        writers = [Writer(member, f'/turn{turn}-{member.number}-{i}')
                   for member in ensemble.others(leader) for i in range(CLIENTS_PER_MEMBER)]
        self.addCleanup(lambda: [writer.close() for writer in writers])
        for writer in writers:
            writer.start()
        self.await_answers(ensemble, writers, 2 * WINDOW)
        leave(leader)
        # More than were in flight, so that some were sent to the new leader at first.
        self.await_answers(ensemble, writers, 4 * WINDOW)
        counts = {writer.base: writer.finish() for writer in writers}
        leader.start()
        # What was answered is there, once, for who asks the member that was away.
        with WireClient(leader) as client:
            client.sync()
            for base, count in counts.items():
                _, stat = client.get_data(base)
                self.assertEqual(stat.version, (count + 1) // 2)
                self.assertEqual(len(client.get_children(f'{base}/children')), count // 2)
        for writer in writers:
            writer.client.close_session()
            writer.close()

    def await_answers(self, ensemble, writers, more):
        wanted = [(writer, writer.answered + more) for writer in writers]

        def all_got_them():
            for writer in writers:
                self.assertIsNone(writer.failure, f'{writer.base} after {writer.answered}')
            return all(writer.answered >= count for writer, count in wanted)

        ensemble.await_that(all_got_them, 'writes are answered')


if __name__ == '__main__':
    unittest.main()
