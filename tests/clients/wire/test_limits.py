"""Bad input and bad company: garbage, silence, clients that never read, thousands of connections.

The connection concerned is closed or bounded; everybody else is served all the time.
"""

import os
import pathlib
import random
import re
import resource
import socket
import struct
import time
import unittest

from harness import records
from harness.cases import TESTS_APACHE, ServerCase, differs_from_apache
from harness.codes import Err, WatchMode
from harness.records import Request
from harness.wire import DEADLINE, Closed, RawConnection, WireClient, four_letter

SILENT_CONNECTIONS = 10_000
IDLE_SESSIONS = 500
OTHER_FILES = 500  # that this process or the server may need besides
LARGE_VALUE_BYTES = 500_000
MAX_GROWTH_BYTES = 256 << 20


def resident_bytes(pid):
    """The resident memory of a process."""
    pages = int(pathlib.Path(f'/proc/{pid}/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE')


class Garbage(ServerCase):

    def setUp(self):
        super().setUp()
        # It is silent meanwhile; thousands of answers may take a while.
        self.bystander = self.client_with_root(timeout_ms=40_000)

    def tearDown(self):
        self.assert_alive(self.bystander)

    def test_garbage_before_connect_closes(self):
        generator = random.Random(7)
        for _ in range(200):
            connection = self.connect_raw()
            # A first byte above 0x7f makes the length negative, 0x01..0x7f too large.
            connection.send_raw(bytes([generator.randrange(1, 256)]) + generator.randbytes(60))
            self.assertEqual(connection.receive_until_closed(), b'')

    def test_other_protocols_close(self):
        for data in (b'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
                     b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03',
                     b'*1\r\n$4\r\nPING\r\n', b'SSH-2.0-x\r\n'):
            with self.subTest(data=data):
                connection = self.connect_raw()
                connection.send_raw(data)
                self.assertEqual(connection.receive_until_closed(), b'')

    def test_oversized_connect_request_closes(self):
        connection = self.connect_raw()
        connection.send_raw(struct.pack('>i', 1 << 30))
        self.assert_closed_silently(connection)

    def test_random_bodies_never_harm(self):
        generator = random.Random(11)
        operations = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 18, 19, 21, 22, 101, 103,
                      104, 105, 106, 107]
        client = self.connect()
        for _ in range(3000):
            body = generator.randbytes(generator.randrange(80))
            reply = client.exchange(Request(generator.choice(operations), body))
            self.assertLessEqual(reply.err, 0)

    def test_mutated_requests_never_harm(self):
        generator = random.Random(13)
        client = self.connect()
        templates = [records.create(self.root + '/x', b'data', flags=2),
                     records.multi([records.create(self.root + '/y'), records.check(self.root)]),
                     records.set_watches(5, [self.root], [self.root], [self.root], ['/'], ['/']),
                     records.set_acl(self.root + '/z', records.OPEN_ACL),
                     records.multi_read([records.get_data('/'), records.get_children('/')])]
        for _ in range(3000):
            request = generator.choice(templates)
            body = bytearray(request.body)
            for _ in range(generator.randrange(1, 4)):
                body[generator.randrange(len(body))] = generator.randrange(256)
            reply = client.exchange(Request(request.op, bytes(body)))
            self.assertLessEqual(reply.err, 0)

    def test_connection_that_ends_in_the_middle_of_a_frame(self):
        for size in range(1, 12):
            with RawConnection(self.server) as connection:
                connection.send_raw(struct.pack('>iiq', 44, 0, 0)[:size])


class SilentConnections(ServerCase):
    config = {'nio.sessionlessCnxnTimeout': 300}

    def test_connection_that_never_sends_is_closed(self):
        connection = self.connect_raw()
        self.assert_closed_silently(connection)

    def test_connection_that_sends_half_a_connect_request_is_closed(self):
        connection = self.connect_raw()
        connection.send_raw(struct.pack('>iiq', 44, 0, 0))
        self.assert_closed_silently(connection)

    def test_connection_with_a_session_stays(self):
        client, silent = self.connect(), self.connect_raw()
        self.assert_closed_silently(silent)
        self.assert_alive(client)


class SlowReaders(ServerCase):
    """A client that never reads: the server buffers a bounded amount and serves the others."""

    def setUp(self):
        super().setUp()
        self.bystander = self.client_with_root()
        self.bystander.set_data(self.root, bytes(LARGE_VALUE_BYTES))

    def push(self, connection, data):
        """Sends without waiting for the server to take it all; True while it takes some."""
        connection.socket.settimeout(0.2)
        try:
            connection.socket.sendall(data)
            return True
        except (TimeoutError, ConnectionError):
            return False

    @unittest.skipIf(TESTS_APACHE, 'Apache differs: the memory of a JVM tells nothing')
    def test_unread_replies_do_not_fill_the_memory(self):
        before = resident_bytes(self.server.pid)
        greedy = self.connect(receive_buffer_bytes=4096)
        payload = struct.pack('>ii', 1, 4) + records.get_data(self.root).body
        batch = (struct.pack('>i', len(payload)) + payload) * 100
        for _ in range(100):
            if not self.push(greedy, batch):
                break
            self.bystander.ping()
        for _ in range(20):
            self.bystander.set_data(self.root, bytes(LARGE_VALUE_BYTES))
        self.assertLess(resident_bytes(self.server.pid) - before, MAX_GROWTH_BYTES)

    def test_slow_reader_gets_everything_in_the_end(self):
        slow = self.connect(receive_buffer_bytes=4096)
        xids = slow.send_all([records.get_data(self.root)] * 40)
        self.bystander.ping()
        for xid in xids:
            self.assertEqual(len(slow.receive_reply(xid).body), 4 + LARGE_VALUE_BYTES + 68)


class DeafWatchers(ServerCase):
    """Events cannot be held back as requests can, so who does not take them is cut off."""

    config = {'maxUnsentBytes': 4 << 20}

    @differs_from_apache('it keeps unread events without a limit')
    def test_watcher_that_never_reads_is_closed(self):
        writer = self.client_with_root()
        deaf, listener = self.connect(receive_buffer_bytes=4096), self.connect()
        deaf.add_watch('/', WatchMode.PERSISTENT_RECURSIVE)
        listener.add_watch('/', WatchMode.PERSISTENT_RECURSIVE)
        path = f'{self.root}/{"n" * 10000}'
        rounds, changes = 20, [records.create(path), records.delete(path)] * 100
        for _ in range(rounds):
            writer.send_all(changes)
            for _ in changes:
                self.assertEqual(writer.receive_reply().err, 0)
            self.assertEqual(len(listener.take_events()), len(changes))
        unread = deaf.receive_until_closed()
        self.assertLess(len(unread), rounds * len(changes) * len(path))


class ManyDeafWatchers(ServerCase):
    """Each of them is within its limit, all of them together are not."""

    config = {'maxUnsentBytesTotal': 4 << 20}

    @differs_from_apache('it keeps unread events without a limit')
    def test_of_watchers_that_do_not_read_the_one_with_the_most_is_closed(self):
        writer = self.client_with_root()
        deafest = self.connect(receive_buffer_bytes=4096)
        deaf = self.connect(receive_buffer_bytes=4096)
        often, seldom = (f'{self.root}/{letter * 10000}' for letter in 'os')
        deafest.add_watch('/', WatchMode.PERSISTENT_RECURSIVE)
        deaf.add_watch(seldom, WatchMode.PERSISTENT)
        changes = [records.create(often), records.delete(often)] * 9
        changes += [records.create(seldom), records.delete(seldom)]
        closed, turns = 'zk_slow_readers_closed\t1\n', 0
        while closed not in four_letter(self.server, 'mntr'):
            self.assertLess(turns, 1000, 'nobody is closed')
            writer.send_all(changes)
            for _ in changes:
                self.assertEqual(writer.receive_reply().err, 0)
            turns += 1
        unread = deafest.receive_until_closed()
        self.assertLess(len(unread), turns * len(changes) * len(often))
        self.assertEqual(len(deaf.take_events()), 2 * turns)


class ManyConnections(ServerCase):
    config = {'clientPortListenBacklog': 4000, 'nio.sessionlessCnxnTimeout': 120000,
              'maxSessionTimeout': 120000}

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = SILENT_CONNECTIONS + IDLE_SESSIONS + OTHER_FILES
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        cls.silent_connections = allowed - IDLE_SESSIONS - OTHER_FILES
        if cls.silent_connections < IDLE_SESSIONS:
            raise unittest.SkipTest(f'{hard} open files allowed, {wanted} needed')
        if allowed < wanted:
            print(f'{hard} open files allowed: {cls.silent_connections} silent connections '
                  f'instead of {SILENT_CONNECTIONS}')
        cls.addClassCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
        super().setUpClass()

    @staticmethod
    def close_at_once(connection):
        """Without the minute that its port would otherwise be taken."""
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        connection.close()

    def test_ten_thousand_silent_connections_leave_the_server_fast(self):
        client = self.client_with_root(timeout_ms=120000)
        silent = [self.connect_raw() for _ in range(self.silent_connections)]
        idle = [self.connect(timeout_ms=120000) for _ in range(IDLE_SESSIONS)]
        connections = int(re.search(r'^zk_num_alive_connections\t(\d+)$',
                                    four_letter(self.server, 'mntr'), re.MULTILINE).group(1))
        self.assertGreater(connections, len(silent) + len(idle))
        for _ in range(50):
            client.set_data(self.root, b'x')
            client.get_data(self.root)
        self.assertEqual(four_letter(self.server, 'ruok'), 'imok')
        for connection in (idle[0], idle[-1]):
            self.assert_alive(connection)
        for connection in silent + idle:
            self.close_at_once(connection)
        self.assert_alive(client)

    def test_connections_in_quick_succession(self):
        for _ in range(1000):
            RawConnection(self.server).close()
        self.assert_alive(self.connect())

    def test_sessions_in_quick_succession(self):
        for _ in range(300):
            with WireClient(self.server) as client:
                client.close_session()
        self.assert_alive(self.connect())


class ConnectionLimits(ServerCase):
    config = {'maxClientCnxns': 3}

    def test_connections_of_one_address_are_limited(self):
        kept = [self.connect() for _ in range(3)]
        with self.assertRaises((Closed, ConnectionError)):
            self.connect()
        for client in kept:
            self.assert_alive(client)
        kept.pop().close()
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                self.assert_alive(self.connect())
                return
            except (Closed, ConnectionError):
                self.assertLess(time.monotonic(), deadline, 'a freed place is not given again')


class TotalConnectionLimit(ServerCase):
    config = {'maxCnxns': 3}

    def test_connections_in_total_are_limited(self):
        kept = [self.connect() for _ in range(3)]
        with self.assertRaises((Closed, ConnectionError)):
            self.connect()
        for client in kept:
            self.assert_alive(client)


class ThrottledPipeline(ServerCase):
    config = {'globalOutstandingLimit': 10}

    def test_deep_pipeline_passes_a_small_limit(self):
        client = self.client_with_root()
        xids = client.send_all([records.set_data(self.root, b'x')] * 1000)
        for xid in xids:
            self.assertEqual(client.receive_reply(xid).err, 0)

    def test_failures_count_as_answered(self):
        client = self.connect()
        xids = client.send_all([records.delete('/missing')] * 1000)
        self.assertEqual({client.receive_reply(xid).err for xid in xids}, {Err.NO_NODE})
