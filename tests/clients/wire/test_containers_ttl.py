"""Containers and nodes with a time to live: how they are made, and when the server removes them.

The reaper looks every 100 ms here, so a test waits for the removal, with a deadline. That something
is *not* removed is shown by a second node, made later, which the reaper removes in the meantime.
"""

import time

from harness import records
from harness.cases import ServerCase, differs_from_apache
from harness.codes import Err, EventType, Flags, WatchMode
from harness.records import READ_ONLY_ACL
from harness.wire import DEADLINE, RequestFailed

LONG_TTL_MS = 10**9
MAX_TTL_MS = 0xffffffffff


class Creation(ServerCase):

    def test_owner_shows_as_zero(self):
        client = self.client_with_root()
        client.create_container(self.root + '/container')
        client.create_ttl(self.root + '/ttl', LONG_TTL_MS)
        for name in ('container', 'ttl'):
            with self.subTest(name=name):
                self.assertEqual(client.stat(f'{self.root}/{name}').ephemeral_owner, 0)

    def test_answers_carry_path_and_stat(self):
        client = self.client_with_root()
        for request in (records.create_container(self.root + '/container', b'abc'),
                        records.create_ttl(self.root + '/ttl', LONG_TTL_MS, b'abc')):
            path, stat = client.call(request)
            self.assertEqual(stat, client.stat(path))

    def test_container_operation_takes_flags_0_and_4(self):
        client = self.client_with_root()
        for flags in (0, 4):
            client.create_container(f'{self.root}/{flags}', flags=flags)

    @differs_from_apache('the container operation made whatever the flags said')
    def test_container_operation_refuses_other_flags(self):
        client = self.client_with_root()
        for flags in (1, 2, 3, 5, 6, 7):
            with self.subTest(flags=flags):
                self.assert_fails(Err.BAD_ARGUMENTS, client.create_container, self.root + '/c',
                                  flags=flags)

    def test_ttl_flags_need_the_ttl_operation(self):
        client = self.client_with_root()
        for flags in (Flags.TTL, Flags.SEQUENTIAL_TTL):
            with self.subTest(flags=flags):
                self.assert_fails(Err.BAD_ARGUMENTS, client.create, self.root + '/t', flags=flags)
                self.assert_fails(Err.BAD_ARGUMENTS, client.create2, self.root + '/t', flags=flags)

    @differs_from_apache('a negative time let any flags pass')
    def test_ttl_operation_needs_ttl_flags(self):
        client = self.client_with_root()
        for flags in (0, 1, 2, 3, 4):
            for ttl_ms in (1000, -1):
                with self.subTest(flags=flags, ttl_ms=ttl_ms):
                    self.assert_fails(Err.BAD_ARGUMENTS, client.create_ttl, self.root + '/t',
                                      ttl_ms, flags=flags)

    def test_ttl_operation_refuses_flags_without_ttl(self):
        client = self.client_with_root()
        for flags in (0, 1, 2, 3, 4, 7):
            with self.subTest(flags=flags):
                self.assert_fails(Err.BAD_ARGUMENTS, client.create_ttl, self.root + '/t', 1000,
                                  flags=flags)

    def test_bounds_of_the_ttl(self):
        client = self.client_with_root()
        for ttl_ms in (0, -1, -2**63, MAX_TTL_MS + 1, 2**63 - 1):
            with self.subTest(ttl_ms=ttl_ms):
                self.assert_fails(Err.BAD_ARGUMENTS, client.create_ttl, self.root + '/t', ttl_ms)
        for ttl_ms in (LONG_TTL_MS, MAX_TTL_MS):
            client.create_ttl(f'{self.root}/{ttl_ms}', ttl_ms)

    def test_both_may_have_children(self):
        client = self.client_with_root()
        client.create_container(self.root + '/container')
        client.create_ttl(self.root + '/ttl', LONG_TTL_MS)
        for name in ('container', 'ttl'):
            client.create(f'{self.root}/{name}/child')
            self.assertEqual(client.stat(f'{self.root}/{name}').num_children, 1)


class TtlDisabled(ServerCase):
    config = {'extendedTypesEnabled': 'false'}

    def test_ttl_is_unimplemented_and_the_connection_lives(self):
        client = self.client_with_root()
        self.assert_fails(Err.UNIMPLEMENTED, client.create_ttl, self.root + '/t', 1000)
        self.assert_alive(client)

    def test_unimplemented_is_an_error_of_its_own_in_a_multi(self):
        client = self.client_with_root()
        results = client.multi(records.check(self.root), records.create_ttl(self.root + '/t', 1000))
        self.assertEqual([result.err for result in results], [0, Err.UNIMPLEMENTED])

    def test_containers_are_not_affected(self):
        self.connect().create_container(self.root)


class Reaping(ServerCase):
    config = {'znode.container.checkIntervalMs': 100}

    def await_gone(self, client, path):
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            try:
                client.stat(path)
            except RequestFailed:
                return
            time.sleep(0.01)
        self.fail(f'{path} was not removed in {DEADLINE} s')

    def await_reaper(self, client):
        """Returns after the reaper has passed at least once since the call."""
        path = self.root + '/witness'
        client.create_ttl(path, 1)
        self.await_gone(client, path)

    def test_emptied_container_goes_and_its_parent_changes(self):
        client = self.client_with_root()
        path = self.root + '/c'
        client.create_container(path)
        client.create(path + '/child')
        client.exists(path, watch=True)
        client.get_children(self.root, watch=True)
        client.delete(path + '/child')
        self.await_gone(client, path)
        self.assert_events(client, (EventType.DELETED, path),
                           (EventType.CHILDREN_CHANGED, self.root))
        self.assertEqual(client.stat(self.root).cversion, 2)

    def test_unused_container_stays(self):
        client = self.client_with_root()
        client.create_container(self.root + '/c')
        self.await_reaper(client)
        client.stat(self.root + '/c')

    def test_container_with_children_stays(self):
        client = self.client_with_root()
        client.create_container(self.root + '/c')
        client.create(self.root + '/c/a')
        client.create(self.root + '/c/b')
        client.delete(self.root + '/c/a')
        self.await_reaper(client)
        client.stat(self.root + '/c')

    def test_container_of_a_multi_goes_too(self):
        client = self.client_with_root()
        requests = {'a': records.create(self.root + '/a', flags=Flags.CONTAINER),
                    'b': records.create2(self.root + '/b', flags=Flags.CONTAINER),
                    'c': records.create_container(self.root + '/c')}
        client.multi(*requests.values())
        for name in requests:
            client.create(f'{self.root}/{name}/child')
            client.delete(f'{self.root}/{name}/child')
        for name in requests:
            self.await_gone(client, f'{self.root}/{name}')

    def test_container_operation_with_flags_0_makes_a_container(self):
        client = self.client_with_root()
        client.create_container(self.root + '/c', flags=0)
        client.create(self.root + '/c/child')
        client.delete(self.root + '/c/child')
        self.await_gone(client, self.root + '/c')

    def test_node_past_its_time_goes_with_events(self):
        client = self.client_with_root()
        client.add_watch(self.root, WatchMode.PERSISTENT_RECURSIVE)
        path, _ = client.create_ttl(self.root + '/t', 50)
        self.await_gone(client, path)
        self.assert_events(client, (EventType.CREATED, path), (EventType.DELETED, path))

    def test_node_with_time_left_stays(self):
        client = self.client_with_root()
        client.create_ttl(self.root + '/t', LONG_TTL_MS)
        self.await_reaper(client)
        client.stat(self.root + '/t')

    def test_ttl_node_with_children_stays_until_they_go(self):
        client = self.client_with_root()
        client.multi(records.create_ttl(self.root + '/t', 1),
                     records.create(self.root + '/t/child'))
        self.await_reaper(client)
        client.stat(self.root + '/t')
        client.delete(self.root + '/t/child')
        self.await_gone(client, self.root + '/t')

    def test_children_do_not_refresh_the_time(self):
        client = self.client_with_root()
        client.create_ttl(self.root + '/t', 1)
        client.multi(records.create_ttl(self.root + '/u', 1),
                     records.create(self.root + '/u/child'))
        mtime = client.stat(self.root + '/u').mtime
        client.create(self.root + '/u/other')
        self.assertEqual(client.stat(self.root + '/u').mtime, mtime)

    def test_sequential_ttl_node_goes(self):
        client = self.client_with_root()
        path, _ = client.create_ttl(self.root + '/t-', 1, flags=Flags.SEQUENTIAL_TTL)
        self.await_gone(client, path)

    def test_reaper_needs_no_rights(self):
        client = self.client_with_root()
        client.create_ttl(self.root + '/t', 50, acl=READ_ONLY_ACL)
        client.set_acl(self.root, READ_ONLY_ACL)
        self.await_gone(client, self.root + '/t')

    def test_reaper_goes_on_after_a_restart(self):
        client = self.client_with_root()
        client.create_container(self.root + '/c')
        client.multi(records.create(self.root + '/c/child'),
                     records.create_ttl(self.root + '/t', 2000))
        self.server.restart()
        client = self.connect()
        client.delete(self.root + '/c/child')
        self.await_gone(client, self.root + '/c')
        self.await_gone(client, self.root + '/t')


class NeverUsed(ServerCase):
    config = {'znode.container.checkIntervalMs': 100, 'znode.container.maxNeverUsedIntervalMs': 300}

    def test_container_that_never_had_a_child_goes_after_a_while(self):
        client = self.client_with_root()
        client.add_watch(self.root, WatchMode.PERSISTENT_RECURSIVE)
        path, _ = client.create_container(self.root + '/c')
        self.assertEqual(client.receive().type, EventType.DELETED)
        self.assert_fails(Err.NO_NODE, client.stat, path)
