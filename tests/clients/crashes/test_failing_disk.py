"""A write or flush of the log that fails ends the process: what the disk holds is unknown. Nothing
is acknowledged after it, and what was acknowledged before is there at the next start."""

import errno
import re
import signal
import unittest

from harness import records
from harness.cases import BASE_CONFIG
from harness.ensemble import Ensemble
from harness.slow_disk import SlowDiskMember, SlowDiskTopod
from harness.wire import Closed, WireClient

WRITES = 200
LOG = '/wal/'


def await_end(server):
    """The exit status of a process that ends by itself."""
    status = server.process.wait(20)
    server.process = None
    return status


class FailingDiskTest(unittest.TestCase):

    def assert_ended_by_its_disk(self, server):
        self.assertEqual(await_end(server), -signal.SIGABRT)
        self.assertRegex(server.log_text(),
                         'error log: fatal error, the process ends why="(write|sync) '
                         f'{re.escape(str(server.data_dir))}{LOG}[^:]*: Input/output error"\n')

    @staticmethod
    def count_answers(client, xids):
        """How many of these are acknowledged before the connection ends."""
        answered = 0
        try:
            for xid in xids:
                if client.receive_reply(xid).err:
                    raise AssertionError(f'write {xid} is refused')
                answered += 1
        except (Closed, ConnectionError):
            pass
        return answered

    def test_of_one_server(self):
        server = SlowDiskTopod(config=BASE_CONFIG)
        self.addCleanup(server.close)
        server.start()
        with WireClient(server) as client:
            client.create('/a')
            for number in range(WRITES):
                client.create(f'/a/{number:06}')
            server.fail(errno.EIO, LOG)
            xids = client.send_all([records.create(f'/a/{WRITES + number:06}')
                                    for number in range(WRITES)])
            self.assertEqual(self.count_answers(client, xids), 0)
        self.assert_ended_by_its_disk(server)
        server.recover()
        server.start()
        with WireClient(server) as client:
            present = sorted(client.get_children('/a'))
            self.assertGreaterEqual(len(present), WRITES)
            self.assertEqual(present, [f'{number:06}' for number in range(len(present))])
            client.create('/a/goes-on')

    def test_of_one_member_of_three(self):
        ensemble = Ensemble(3, make_member=SlowDiskMember)
        self.addCleanup(ensemble.close)
        ensemble.start()
        for name in ('leader', 'follower'):
            with self.subTest(name):
                leader = ensemble.leader()
                failing = leader if name == 'leader' else ensemble.others(leader)[0]
                with WireClient(failing) as own, WireClient(ensemble.others(failing)[0]) as other:
                    own.create(f'/{name}')
                    failing.fail(errno.EIO, LOG)
                    xids = own.send_all([records.create(f'/{name}/{number:06}')
                                         for number in range(WRITES)])
                    # In one session and without a pause.
                    for number in range(WRITES):
                        other.create(f'/{name}/other-{number:06}')
                    # A member answers what is durable on its own disk.
                    self.assertEqual(self.count_answers(own, xids), 0)
                self.assert_ended_by_its_disk(failing)
                failing.recover()
                failing.start()
                with WireClient(failing) as client:
                    client.sync()
                    present = set(client.get_children(f'/{name}'))
                self.assertLessEqual({f'other-{number:06}' for number in range(WRITES)}, present)


if __name__ == '__main__':
    unittest.main()
