"""Sessions and their ephemeral znodes while leaders come and go."""

import threading
import time
import unittest

from harness import records
from harness.codes import Err, EventType, Flags, WatchMode
from harness.ensemble import Ensemble
from harness.wire import Closed, Event, WireClient

SHORT_TIMEOUT_MS = 2_000
LIVING_TIMEOUT_MS = 5_000
DEADLINE_S = 60


class Pinging(threading.Thread):
    """Keeps a session alive, on another connection when its own is closed."""

    def __init__(self, servers, **arguments):
        super().__init__(daemon=True)
        self.servers = list(servers)
        self.client = WireClient(self.servers[0], **arguments)
        self.arguments = self.client.credentials | arguments
        self.failure = None
        self.stopping = threading.Event()

    def run(self):
        try:
            while not self.stopping.wait(0.2):
                try:
                    self.client.ping()
                except (Closed, OSError, TimeoutError):
                    self.reconnect()
        except Exception as error:
            self.failure = error

    def reconnect(self):
        self.client.close()
        give_up = time.monotonic() + DEADLINE_S
        while time.monotonic() < give_up and not self.stopping.is_set():
            self.servers.append(self.servers.pop(0))
            try:
                client = WireClient(self.servers[0], **self.arguments)
            except (Closed, OSError, TimeoutError):
                time.sleep(0.05)
                continue
            if client.session_id != self.arguments['session_id']:
                raise AssertionError('the session has expired')
            self.client = client
            return
        if not self.stopping.is_set():
            raise AssertionError('nobody takes the session')

    def finish(self):
        self.stopping.set()
        self.join(DEADLINE_S)
        self.client.close()
        if self.failure:
            raise self.failure


class SessionTest(unittest.TestCase):

    def setUp(self):
        self.ensemble = Ensemble(3)
        self.addCleanup(self.ensemble.close)
        self.ensemble.start()

    def connect(self, member, **arguments):
        client = WireClient(member, **arguments)
        self.addCleanup(client.close)
        return client

    def await_deletions(self, observer, wanted):
        """Until all these paths are deleted; returns when each was, and that it was once."""
        when = {}
        give_up = time.monotonic() + DEADLINE_S
        while set(when) != set(wanted):
            frame = observer.receive(max(0.001, give_up - time.monotonic()))
            if isinstance(frame, Event) and frame.type == EventType.DELETED:
                self.assertNotIn(frame.path, when, 'deleted twice')
                when[frame.path] = time.monotonic()
        return when

    def test_a_silent_sessions_ephemerals_go_once_and_not_before_its_timeout(self):
        members = self.ensemble.members
        # Its own timeout is long enough to live through this without pings.
        observer = self.connect(members[0], timeout_ms=60_000)
        observer.create('/e')
        observer.add_watch('/e', WatchMode.PERSISTENT_RECURSIVE)
        silent_since = {}
        for member in members:
            owner = self.connect(member, timeout_ms=SHORT_TIMEOUT_MS)
            self.assertEqual(owner.answer.timeout_ms, SHORT_TIMEOUT_MS)
            silent_since[f'/e/{member.number}'] = time.monotonic()
            owner.create(f'/e/{member.number}', b'', flags=Flags.EPHEMERAL)
        for path, when in self.await_deletions(observer, silent_since).items():
            self.assertGreaterEqual(when - silent_since[path], SHORT_TIMEOUT_MS / 1000, path)
        self.assertEqual(observer.take_events(), [])
        for member in members:
            client = self.connect(member)
            client.sync()
            self.assertEqual(client.get_children('/e'), [])

    def test_a_living_session_keeps_its_ephemerals_while_leaders_are_killed(self):
        ensemble = self.ensemble
        owners = []
        for member in ensemble.members:
            servers = [member] + ensemble.others(member)
            owner = Pinging(servers, timeout_ms=LIVING_TIMEOUT_MS)
            self.addCleanup(owner.stopping.set)
            owner.client.create(f'/alive-{member.number}', b'', flags=Flags.EPHEMERAL)
            owners.append(owner)
        for owner in owners:
            owner.start()
        for _ in range(3):
            leader = ensemble.leader()
            leader.kill()
            ensemble.leader()
            leader.start()
        # Longer than their timeout after all that.
        give_up = time.monotonic() + 2 * LIVING_TIMEOUT_MS / 1000
        while time.monotonic() < give_up:
            for owner in owners:
                self.assertIsNone(owner.failure)
            time.sleep(0.05)
        for member in ensemble.members:
            client = self.connect(member)
            client.sync()
            for other in ensemble.members:
                client.stat(f'/alive-{other.number}')
        for owner in owners:
            owner.finish()

    def test_a_session_that_died_with_its_leader_expires_under_the_next(self):
        leader = self.ensemble.leader()
        owner = self.connect(leader, timeout_ms=SHORT_TIMEOUT_MS)
        observer = self.connect(self.ensemble.others(leader)[0], timeout_ms=60_000)
        observer.create('/e')
        owner.create('/e/1', b'', flags=Flags.EPHEMERAL)
        observer.add_watch('/e', WatchMode.PERSISTENT_RECURSIVE)
        last_contact = time.monotonic()
        owner.ping()
        leader.kill()
        when = self.await_deletions(observer, ['/e/1'])
        self.assertGreaterEqual(when['/e/1'] - last_contact, SHORT_TIMEOUT_MS / 1000)
        self.assertEqual(observer.take_events(), [])

    def test_a_session_moves_between_members_with_all_that_is_its(self):
        first = self.connect(self.ensemble[1], timeout_ms=60_000)
        first.create('/e', b'', flags=Flags.EPHEMERAL)
        for member in self.ensemble.members[1:]:
            moved = self.connect(member, timeout_ms=60_000, **first.credentials)
            self.assertEqual(moved.session_id, first.session_id)
            self.assertEqual(moved.stat('/e').ephemeral_owner, first.session_id)
        moved.close_session()
        for member in self.ensemble.members:
            client = self.connect(member)
            client.sync()
            self.assertEqual(client.get_children('/'), ['zookeeper'])

    def check_only_the_new_connection_writes(self, old, moved, path):
        """The old one has been sent ten creations; each is refused or the connection closed."""
        try:
            while True:
                self.assertEqual(old.receive_reply().err, Err.SESSION_MOVED)
        except (Closed, ConnectionError):
            pass
        moved.create(f'{path}/mine')
        for member in self.ensemble.members:
            client = self.connect(member)
            client.sync()
            self.assertEqual(client.get_children(path), ['mine'])

    @staticmethod
    def send_late_writes(old, path):
        try:
            for number in range(10):
                old.send(records.create(f'{path}/late-{number}'))
        except ConnectionError:
            pass  # it is closed already

    def test_the_connection_that_a_session_has_left_writes_nothing_more(self):
        for member, other in ((1, 2), (2, 3), (3, 1)):
            path = f'/{member}'
            old = self.connect(self.ensemble[member], timeout_ms=60_000)
            old.create(path)
            moved = self.connect(self.ensemble[other], timeout_ms=60_000, **old.credentials)
            self.assertEqual(moved.session_id, old.session_id)
            self.send_late_writes(old, path)
            self.check_only_the_new_connection_writes(old, moved, path)

    def test_a_member_that_has_not_heard_of_the_move_writes_nothing_either(self):
        left, other = self.ensemble.others(self.ensemble.leader())
        old = self.connect(left, timeout_ms=60_000)
        old.create('/a')
        left.pause()
        self.addCleanup(lambda: left.is_paused and left.resume())
        moved = self.connect(other, timeout_ms=60_000, **old.credentials)
        self.send_late_writes(old, '/a')
        left.resume()
        self.check_only_the_new_connection_writes(old, moved, '/a')


if __name__ == '__main__':
    unittest.main()
