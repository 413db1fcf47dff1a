"""topod as it starts without a configuration file: what is on, and what is off."""

import unittest

from harness import records
from harness.cases import TESTS_APACHE, ServerCase
from harness.codes import Err
from harness.server import Topod
from harness.wire import four_letter

CHEAP_WORDS = ('srvr', 'stat', 'ruok', 'isro', 'envi', 'mntr', 'conf', 'wchs', 'dirs', 'cons',
               'hash')
OTHER_WORDS = ('crst', 'srst', 'dump', 'wchc', 'wchp')


@unittest.skipIf(TESTS_APACHE, 'Apache differs: it does not start without a configuration')
class Defaults(ServerCase):

    @classmethod
    def setUpClass(cls):
        cls.server = Topod()
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    def test_nodes_with_a_ttl_are_enabled(self):
        client = self.connect()
        path, _ = client.create_ttl(self.root, 10**9)
        self.assertEqual(client.stat(path).ephemeral_owner, 0)

    def test_tick_of_three_seconds_bounds_the_session_timeout(self):
        for asked, granted in ((1, 6000), (10000, 10000), (10**9, 60000)):
            with self.subTest(asked=asked):
                self.assertEqual(self.connect(timeout_ms=asked).answer.timeout_ms, granted)

    def test_cheap_words_are_allowed_and_the_others_are_not(self):
        for word in CHEAP_WORDS:
            with self.subTest(word=word):
                self.assertNotIn('whitelist', four_letter(self.server, word))
        for word in OTHER_WORDS:
            with self.subTest(word=word):
                self.assertEqual(four_letter(self.server, word),
                                 f'{word} is not executed because it is not in the whitelist.\n')
        self.assertIn('whitelist', four_letter(self.server, 'stmk', bytes(8)))

    def test_reconfiguration_and_super_are_off(self):
        client = self.connect()
        client.auth('digest', b'super:admin')
        client.create(self.root, acl=(records.Acl(0, 'world', 'anyone'),))
        self.assert_fails(Err.NO_AUTH, client.get_data, self.root)
        self.assert_fails(Err.RECONFIG_DISABLED, client.call, records.reconfig())

    def test_acknowledged_writes_survive_kill(self):
        client = self.connect()
        client.create(self.root)
        client.send_all([records.create(f'{self.root}/{number}', b'%d' % number)
                         for number in range(500)])
        for _ in range(500):
            self.assertEqual(client.receive_reply().err, 0)
        self.server.restart(graceful=False)
        again = self.connect()
        self.assertEqual(len(again.get_children(self.root)), 500)
        self.assertEqual(again.get_data(self.root + '/499')[0], b'499')
