"""Sessions: keeping alive, expiry, closing, and what becomes of their ephemerals.

Ticks are 100 ms here, so sessions of 300 ms expire soon after. Tests wait for the event that tells
of an expiry; that a session is kept alive is shown while another one, left alone, expires.
"""

import time

from harness import records
from harness.cases import ServerCase
from harness.codes import Err, EventType, Flags, Op, WatchMode
from harness.records import Request
from harness.wire import (DEADLINE, NO_PASSWORD, Closed, Event, connect_request, four_letter,
                          parse_connect_answer)

DELETED = EventType.DELETED
SHORT_MS = 300
KEPT_ALIVE_MS = 1000  # longer than a loaded machine may stall this process
TICK_MS = 100


class Expiry(ServerCase):
    config = {'tickTime': TICK_MS, 'minSessionTimeout': SHORT_MS, 'maxSessionTimeout': 60000}

    def setUp(self):
        super().setUp()
        self.observer = self.client_with_root(timeout_ms=60000)

    def connect_with_ephemeral(self, name, timeout_ms=SHORT_MS):
        client = self.connect(timeout_ms=timeout_ms)
        client.create(f'{self.root}/{name}', flags=Flags.EPHEMERAL)
        return client

    def await_event(self, kind, path):
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            event = self.observer.receive()
            if isinstance(event, Event) and (event.type, event.path) == (kind, path):
                return event
        self.fail(f'no event of {path} in {DEADLINE} s')

    def test_silent_session_expires_not_before_its_timeout(self):
        self.observer.add_watch(self.root, WatchMode.PERSISTENT_RECURSIVE)
        client = self.connect(timeout_ms=SHORT_MS)
        begin = time.monotonic()
        client.create(self.root + '/e', flags=Flags.EPHEMERAL)
        self.await_event(DELETED, self.root + '/e')
        self.assertGreaterEqual((time.monotonic() - begin) * 1000, SHORT_MS)

    def test_expiry_closes_the_connection(self):
        client = self.connect(timeout_ms=SHORT_MS)
        self.assert_closed_silently(client)

    def test_expired_session_is_refused(self):
        client = self.connect(timeout_ms=SHORT_MS)
        self.assert_closed_silently(client)
        late = self.connect_raw()
        late.send_frame(connect_request(**client.credentials))
        answer = parse_connect_answer(late.receive_frame())
        self.assertEqual((answer.timeout_ms, answer.session_id, answer.password),
                         (0, 0, NO_PASSWORD))
        self.assert_closed_silently(late)

    def test_ephemerals_of_a_dead_client_go_in_one_zxid(self):
        owner = self.connect(timeout_ms=SHORT_MS)
        names = [f'e{number}' for number in range(50)]
        owner.multi(*[records.create(f'{self.root}/{name}', flags=Flags.EPHEMERAL)
                      for name in names])
        self.observer.add_watch(self.root, WatchMode.PERSISTENT_RECURSIVE)
        owner.close()
        events = [self.observer.receive() for _ in names]
        self.assertEqual({(event.type, event.path) for event in events},
                         {(DELETED, f'{self.root}/{name}') for name in names})
        self.assertEqual(len({event.zxid for event in events}), 1)
        self.assertEqual(self.observer.get_children(self.root), [])
        self.assertEqual(self.observer.stat(self.root).cversion, 100)

    def test_nobody_sees_half_of_an_expiry(self):
        owner = self.connect(timeout_ms=SHORT_MS)
        owner.multi(*[records.create(f'{self.root}/{number}', flags=Flags.EPHEMERAL)
                      for number in range(50)])
        owner.close()
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            count = len(self.observer.get_children(self.root))
            self.assertIn(count, (0, 50))
            if count == 0:
                return
        self.fail('the session does not expire')

    def check_kept_alive(self, request):
        """A session that sends `request` again and again outlives one that is silent."""
        kept = self.connect_with_ephemeral('kept', timeout_ms=KEPT_ALIVE_MS)
        self.connect_with_ephemeral('left', timeout_ms=KEPT_ALIVE_MS)
        self.observer.exists(self.root + '/left', watch=True)
        deadline = time.monotonic() + DEADLINE
        while not self.observer.take_events():
            self.assertLess(time.monotonic(), deadline, 'the silent session does not expire')
            kept.exchange(request)
        self.observer.stat(self.root + '/kept')
        self.assert_alive(kept)

    def test_pings_keep_a_session_alive(self):
        self.check_kept_alive(records.ping())

    def test_reads_keep_a_session_alive(self):
        self.check_kept_alive(records.exists('/'))

    def test_failing_requests_keep_a_session_alive(self):
        self.check_kept_alive(records.get_data('/missing'))

    def test_malformed_requests_keep_a_session_alive(self):
        self.check_kept_alive(Request(Op.GET_DATA, b''))

    def test_coming_back_in_time_keeps_the_session(self):
        first = self.connect_with_ephemeral('e', timeout_ms=30000)
        first.close()
        second = self.connect(timeout_ms=30000, **first.credentials)
        self.assertEqual(self.observer.stat(self.root + '/e').ephemeral_owner, second.session_id)

    def test_timeout_of_the_reattachment_counts(self):
        first = self.connect_with_ephemeral('e', timeout_ms=60000)
        self.observer.exists(self.root + '/e', watch=True)
        self.connect(timeout_ms=SHORT_MS, **first.credentials).close()
        self.await_event(DELETED, self.root + '/e')

    def test_closed_connection_does_not_end_its_session_at_once(self):
        first = self.connect_with_ephemeral('e', timeout_ms=30000)
        first.close()
        self.connect_with_ephemeral('witness')
        self.observer.exists(self.root + '/witness', watch=True)
        self.await_event(DELETED, self.root + '/witness')
        self.observer.stat(self.root + '/e')

    def test_sessions_of_a_killed_server_expire_after_its_return(self):
        client = self.connect_with_ephemeral('e')
        client.close()
        self.server.restart(graceful=False)
        self.observer = self.connect(timeout_ms=60000)
        reply = self.observer.exchange(records.exists(self.root + '/e', watch=True))
        if reply.err == 0:
            self.await_event(DELETED, self.root + '/e')
        else:
            self.assertEqual(reply.err, Err.NO_NODE)


class CloseSession(ServerCase):

    def test_reply_then_the_end(self):
        client = self.connect()
        reply = client.exchange(records.close_session())
        self.assertEqual((reply.err, reply.body), (0, b''))
        self.assert_closed_silently(client)

    def test_later_requests_of_the_pipeline_are_not_answered(self):
        client = self.client_with_root()
        close, *_ = client.send_all([records.close_session(), records.delete(self.root),
                                     records.ping(), records.exists(self.root)])
        self.assertEqual(client.receive_reply().xid, close)
        self.assert_closed_silently(client)
        self.connect().stat(self.root)

    def test_earlier_requests_of_the_pipeline_are_answered(self):
        client = self.client_with_root()
        xids = client.send_all([records.set_data(self.root, b'')] * 50
                               + [records.get_data(self.root), records.close_session()])
        for xid in xids:
            self.assertEqual(client.receive_reply(xid).err, 0)
        self.assert_closed_silently(client)

    def test_ephemerals_go_in_its_zxid(self):
        observer, owner = self.client_with_root(), self.connect()
        observer.create(self.root + '/a')
        observer.create(self.root + '/b')
        for number in range(10):
            owner.create(f'{self.root}/a/{number}', flags=Flags.EPHEMERAL)
            owner.create(f'{self.root}/b/{number}', flags=Flags.EPHEMERAL_SEQUENTIAL)
        reply = owner.exchange(records.close_session())
        for name in 'ab':
            stat = observer.stat(f'{self.root}/{name}')
            self.assertEqual((stat.pzxid, stat.num_children, stat.cversion), (reply.zxid, 0, 20))

    def test_ephemerals_of_others_stay(self):
        client, other = self.client_with_root(), self.connect()
        other.create(self.root + '/other', flags=Flags.EPHEMERAL)
        client.create(self.root + '/mine', flags=Flags.EPHEMERAL)
        client.close_session()
        self.assertEqual(other.get_children(self.root), ['other'])

    def test_ephemerals_created_in_the_same_pipeline_go_too(self):
        observer = self.client_with_root()
        for _ in range(20):
            owner = self.connect()
            *_, last = owner.send_all(
                [records.create(self.root + '/e', flags=Flags.EPHEMERAL_SEQUENTIAL)] * 10
                + [records.close_session()])
            while owner.receive_reply().xid != last:
                pass
            self.assertEqual(observer.get_children(self.root), [])

    def test_deleted_ephemerals_are_forgotten(self):
        observer, owner = self.client_with_root(), self.connect()
        owner.create(self.root + '/e', flags=Flags.EPHEMERAL)
        owner.delete(self.root + '/e')
        observer.create(self.root + '/e')
        owner.close_session()
        self.assertEqual(observer.stat(self.root + '/e').ephemeral_owner, 0)

    def test_closed_session_cannot_be_attached(self):
        client = self.connect()
        client.close_session()
        self.assertEqual(self.connect(**client.credentials).session_id, 0)

    def test_many_ephemerals(self):
        observer, owner = self.client_with_root(), self.connect()
        owner.send_all([records.create(f'{self.root}/{number}', flags=Flags.EPHEMERAL)
                        for number in range(2000)])
        for _ in range(2000):
            self.assertEqual(owner.receive_reply().err, 0)
        owner.close_session()
        self.assertEqual(observer.get_children(self.root), [])


class Ephemerals(ServerCase):

    def test_list_by_prefix(self):
        client = self.client_with_root()
        for name in ('a', 'ab', 'b'):
            client.create(f'{self.root}/{name}', flags=Flags.EPHEMERAL)
        self.connect().create(self.root + '/ac', flags=Flags.EPHEMERAL)

        def names(prefix):
            paths = client.call(records.get_ephemerals(prefix))
            return sorted(path.rsplit('/', 1)[1] for path in paths)
        for everything in (None, '', '/', self.root, '  '):
            with self.subTest(prefix=everything):
                self.assertEqual(names(everything), ['a', 'ab', 'b'])
        self.assertEqual(names(self.root + '/a'), ['a', 'ab'])
        self.assertEqual(names(self.root + '/ab'), ['ab'])
        self.assertEqual(names(self.root + '/c'), [])

    def test_owner_survives_changes_of_data(self):
        client = self.connect()
        client.create(self.root, flags=Flags.EPHEMERAL)
        self.assertEqual(self.connect().set_data(self.root, b'x').ephemeral_owner,
                         client.session_id)

    def test_lock_cycle(self):
        client = self.client_with_root()
        contenders = [self.connect() for _ in range(5)]
        paths = [contender.create(self.root + '/lock-', flags=Flags.EPHEMERAL_SEQUENTIAL)
                 for contender in contenders]
        for before, after in zip(paths, contenders[1:]):
            after.exists(before, watch=True)
        for index, contender in enumerate(contenders[:-1]):
            contender.close_session()
            self.assert_events(contenders[index + 1], (DELETED, paths[index]))
        self.assertEqual(client.get_children(self.root), [paths[-1].rsplit('/', 1)[1]])


class ConnectionsEnd(ServerCase):

    def test_server_forgets_closed_connections(self):
        for _ in range(20):
            self.connect().close()
        deadline = time.monotonic() + DEADLINE
        while 'Connections: 1\n' not in four_letter(self.server, 'srvr'):
            self.assertLess(time.monotonic(), deadline)

    def test_graceful_stop_closes_connections(self):
        client = self.connect()
        self.server.restart()
        with self.assertRaises(Closed):
            client.receive_frame()
