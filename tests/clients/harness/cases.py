"""The base of the wire tests: a server per class, clients that are closed after each test.

The environment variable SERVER chooses what is tested: topod (the default), or apache, which shows
that the tests say what ZooKeeper does. Where topod differs on purpose, `differs_from_apache` says
why. VIA=leader, follower, observer or all tests an ensemble through such a member (all: each test
through another).
"""

import os
import unittest

from .codes import Err, name_of
from .ensemble import EnsembleAsServer, chosen_way
from .server import Apache, Topod
from .wire import Closed, RawConnection, RequestFailed, WireClient

TESTS_APACHE = os.environ.get('SERVER', 'topod') == 'apache'

BASE_CONFIG = {
    'tickTime': 2000,
    'maxClientCnxns': 0,
    'extendedTypesEnabled': 'true',
    '4lw.commands.whitelist': '*',
}


def differs_from_apache(reason):
    """Skips a test on Apache: it states where topod's behaviour is better on purpose."""
    return unittest.skipIf(TESTS_APACHE, f'Apache differs: {reason}')


def differs_in_ensemble(reason):
    """Skips a test when an ensemble is tested: what it states is true of a single server."""
    return unittest.skipIf(chosen_way(), f'an ensemble differs: {reason}')


def make_server(config=None, **arguments):
    """The server under test, not started. `config` is added to BASE_CONFIG."""
    if chosen_way() and not arguments:
        return EnsembleAsServer(chosen_way(), BASE_CONFIG | (config or {}))
    kind = Apache if TESTS_APACHE else Topod
    return kind(config=BASE_CONFIG | (config or {}), **arguments)


class ServerCase(unittest.TestCase):
    """Tests against one server, with `config` on top of BASE_CONFIG, shared by the class."""

    config = {}
    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = make_server(cls.config)
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        if not self.server.is_alive():
            raise AssertionError(f'the server has died: {self.server.log_text()[-2000:]}')
        if isinstance(self.server, EnsembleAsServer):
            self.server.choose_next()
        self.root = '/' + self.id().rsplit('.', 1)[-1]

    def connect(self, **arguments):
        """A client with a session, closed when the test ends."""
        client = WireClient(self.server, **arguments)
        self.addCleanup(client.close)
        return client

    def connect_raw(self, **arguments):
        """A connection that has sent nothing yet, closed when the test ends."""
        connection = RawConnection(self.server, **arguments)
        self.addCleanup(connection.close)
        return connection

    def client_with_root(self, **arguments):
        """A client, and a node of this test's own, at self.root."""
        client = self.connect(**arguments)
        client.create(self.root)
        return client

    def assert_fails(self, err, call, *arguments, **named):
        """The call's reply carries the error code `err`."""
        try:
            value = call(*arguments, **named)
        except RequestFailed as failure:
            self.assertEqual(failure.err, err, f'{name_of(Err, failure.err)} instead of '
                                               f'{name_of(Err, err)}; arguments {arguments}')
        else:
            self.fail(f'{name_of(Err, err)} expected, but it succeeded with {value}; '
                      f'arguments {arguments}')

    def assert_closed_silently(self, connection):
        """The server closes the connection without another byte."""
        try:
            self.assertEqual(connection.receive_until_closed(), b'')
        except TimeoutError:
            self.fail('the server keeps the connection open')

    def assert_alive(self, client):
        """The connection still answers."""
        try:
            client.ping()
        except Closed as error:
            self.fail(f'the connection was closed: {error}')

    def assert_events(self, client, *expected):
        """Exactly these (type, path) pairs have been delivered, in this order."""
        self.assertEqual(client.take_event_pairs(), [(int(kind), path) for kind, path in expected])
