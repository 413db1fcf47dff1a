"""A machine is replaced: its server line gets another address, in a rolling edit."""

import unittest

from harness.ensemble import Ensemble, Member
from harness.server import LOOPBACK, free_ports
from harness.wire import WireClient

from .writer import Writer


class ReplacementTest(unittest.TestCase):

    def test_a_member_comes_back_empty_at_another_address(self):
        with Ensemble(3, config={'failoverHoldMs': 30_000}) as ensemble:
            one, two, old = ensemble.members
            with WireClient(one) as client:
                client.create('/before', b'b')
            old.stop()
            # The new machine: nothing on its disk but myid, other ports.
            new = self.replacement(ensemble, old)
            old.close()
            new.launch()
            # The others are told one after the other; a client of each never notices.
            for member, other in ((one, two), (two, one)):
                writer = Writer(other, f'/rolling-{member.number}')
                self.addCleanup(writer.close)
                writer.start()
                member.config['server.3'] = new.config['server.3']
                self.assertEqual(member.stop(), 0)
                member.launch()
                ensemble.await_all_serve()
                self.assertGreater(writer.finish(), 0)
            new.await_start()
            # It holds everything, and it votes: without it there is no quorum now.
            with WireClient(new) as client:
                client.sync()
                self.assertEqual(client.get_data('/before')[0], b'b')
            ensemble.await_that(lambda: self.is_admitted(ensemble), 'the new member votes')
            one.kill()
            with WireClient(new, timeout_ms=30_000) as client:
                client.create('/after')

    @staticmethod
    def replacement(ensemble, old):
        """An empty member in the place of the old one."""
        new = Member(old.number, dict(old.config))
        new.port = old.port
        peer_port, election_port = free_ports(2)
        new.config['server.3'] = (f'{LOOPBACK}:{peer_port}:{election_port}:participant;'
                                  f'{LOOPBACK}:{new.port}')
        ensemble.members[2] = new
        return new

    @staticmethod
    def is_admitted(ensemble):
        return int(ensemble.leader().figures()['synced_followers']) == 2


if __name__ == '__main__':
    unittest.main()
