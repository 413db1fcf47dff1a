"""A server without a quorum goes on serving reads to clients that allow it."""

import time
import unittest

from harness import records
from harness.codes import Err
from harness.ensemble import Ensemble
from harness.server import START_DEADLINE
from harness.wire import Closed, WireClient, four_letter


class ReadOnlyTest(unittest.TestCase):

    def setUp(self):
        self.ensemble = Ensemble(3, config={'readonlymode.enabled': 'true'})
        self.addCleanup(self.ensemble.close)
        self.ensemble.start()
        with WireClient(self.ensemble[1]) as client:
            client.create('/a', b'data')
        with WireClient(self.ensemble[3]) as client:
            client.sync()
        self.survivor = self.ensemble[3]

    def lose_quorum(self):
        for member in self.ensemble.members[:2]:
            member.kill()
        self.ensemble.await_that(lambda: four_letter(self.survivor, 'isro') == 'ro', 'read-only')

    def connect(self):
        """A client that allows reading only; there may be moments without any service."""
        give_up = time.monotonic() + START_DEADLINE
        while True:
            try:
                client = WireClient(self.survivor, read_only=True)
                self.addCleanup(client.close)
                return client
            except (Closed, OSError):
                self.assertLess(time.monotonic(), give_up)

    def test_reads_are_served_and_writes_refused(self):
        self.lose_quorum()
        client = self.connect()
        self.assertTrue(client.answer.read_only)
        self.assertEqual(client.get_data('/a')[0], b'data')
        self.assertEqual(client.get_children('/a'), [])
        self.assertEqual(client.exchange(records.create('/b')).err, Err.NOT_READ_ONLY)
        text = four_letter(self.survivor, 'srvr')
        self.assertIn('READ-ONLY mode; serving only read-only clients\n', text)
        self.assertIn('Mode: read-only\n', text)

    def test_clients_that_do_not_allow_it_are_not_served(self):
        self.lose_quorum()
        with self.assertRaises((Closed, OSError)):
            WireClient(self.survivor)

    def test_with_the_quorum_writes_come_back(self):
        self.lose_quorum()
        before = self.connect()
        self.ensemble.start()
        self.ensemble.await_all_serve()
        self.assertEqual(four_letter(self.survivor, 'isro'), 'rw')
        # Its session was this server's alone.
        before.receive_until_closed()
        client = self.connect()
        self.assertFalse(client.answer.read_only)
        client.create('/b')


if __name__ == '__main__':
    unittest.main()
