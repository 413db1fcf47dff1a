"""Watches: which request leaves which, what fires them, in which order they arrive."""

from harness import records
from harness.cases import ServerCase, differs_from_apache
from harness.codes import CONNECTED_STATE, Err, EventType, Flags, Perms, WatchMode
from harness.records import Acl
from harness.wire import Event

CREATED, DELETED = EventType.CREATED, EventType.DELETED
DATA_CHANGED, CHILDREN_CHANGED = EventType.DATA_CHANGED, EventType.CHILDREN_CHANGED
PERSISTENT, RECURSIVE = WatchMode.PERSISTENT, WatchMode.PERSISTENT_RECURSIVE


class OneShot(ServerCase):

    def setUp(self):
        super().setUp()
        self.watcher = self.connect()
        self.writer = self.client_with_root()

    def test_data_watch_sees_one_change(self):
        self.watcher.get_data(self.root, watch=True)
        self.writer.set_data(self.root, b'1')
        self.writer.set_data(self.root, b'2')
        self.assert_events(self.watcher, (DATA_CHANGED, self.root))

    def test_data_watch_sees_the_deletion(self):
        self.watcher.get_data(self.root, watch=True)
        self.writer.delete(self.root)
        self.assert_events(self.watcher, (DELETED, self.root))

    def test_exists_watch_on_a_node_is_a_data_watch(self):
        self.watcher.exists(self.root, watch=True)
        self.writer.set_data(self.root, b'1')
        self.assert_events(self.watcher, (DATA_CHANGED, self.root))

    def test_exists_leaves_a_watch_on_a_missing_node(self):
        path = self.root + '/x'
        self.assert_fails(Err.NO_NODE, self.watcher.exists, path, watch=True)
        self.writer.create(path)
        self.writer.set_data(path, b'')
        self.assert_events(self.watcher, (CREATED, path))

    def test_other_reads_leave_no_watch_on_a_missing_node(self):
        path = self.root + '/x'
        for read in (self.watcher.get_data, self.watcher.get_children, self.watcher.get_children2):
            self.assert_fails(Err.NO_NODE, read, path, watch=True)
        self.writer.create(path)
        self.writer.create(path + '/y')
        self.assert_events(self.watcher)

    def test_refused_reads_leave_no_watch(self):
        self.writer.set_acl(self.root, (Acl(Perms.ALL & ~Perms.READ, 'world', 'anyone'),))
        for read in (self.watcher.get_data, self.watcher.get_children, self.watcher.get_children2):
            self.assert_fails(Err.NO_AUTH, read, self.root, watch=True)
        self.writer.set_acl(self.root, records.OPEN_ACL)
        self.writer.set_data(self.root, b'')
        self.writer.create(self.root + '/x')
        self.assert_events(self.watcher)

    def test_child_watch_sees_creation_or_deletion_of_children(self):
        for read in (self.watcher.get_children, self.watcher.get_children2):
            read(self.root, watch=True)
            self.writer.create(self.root + '/x')
            self.assert_events(self.watcher, (CHILDREN_CHANGED, self.root))
            read(self.root, watch=True)
            self.writer.delete(self.root + '/x')
            self.assert_events(self.watcher, (CHILDREN_CHANGED, self.root))

    def test_child_watch_sees_the_deletion_of_the_node(self):
        self.watcher.get_children(self.root, watch=True)
        self.writer.delete(self.root)
        self.assert_events(self.watcher, (DELETED, self.root))

    def test_child_watch_sees_neither_data_nor_grandchildren(self):
        self.writer.create(self.root + '/x')
        self.watcher.get_children(self.root, watch=True)
        self.writer.set_data(self.root, b'')
        self.writer.set_data(self.root + '/x', b'')
        self.writer.create(self.root + '/x/y')
        self.assert_events(self.watcher)

    def test_data_watch_does_not_see_children(self):
        self.watcher.get_data(self.root, watch=True)
        self.writer.create(self.root + '/x')
        self.assert_events(self.watcher)

    def test_data_and_child_watch_on_a_deleted_node_give_one_event(self):
        self.watcher.get_data(self.root, watch=True)
        self.watcher.get_children(self.root, watch=True)
        self.watcher.get_children('/', watch=True)
        self.writer.delete(self.root)
        self.assert_events(self.watcher, (DELETED, self.root), (CHILDREN_CHANGED, '/'))

    def test_setting_a_watch_again_changes_nothing(self):
        for _ in range(3):
            self.watcher.get_data(self.root, watch=True)
            self.watcher.exists(self.root, watch=True)
        self.writer.set_data(self.root, b'')
        self.writer.set_data(self.root, b'')
        self.assert_events(self.watcher, (DATA_CHANGED, self.root))

    def test_reads_without_the_flag_leave_no_watch(self):
        for read in (self.watcher.get_data, self.watcher.exists, self.watcher.get_children):
            read(self.root)
        self.writer.set_data(self.root, b'')
        self.writer.create(self.root + '/x')
        self.assert_events(self.watcher)

    def test_nothing_else_fires(self):
        self.watcher.get_data(self.root, watch=True)
        self.watcher.get_children(self.root, watch=True)
        self.writer.set_acl(self.root, records.OPEN_ACL)
        self.writer.sync(self.root)
        self.assert_fails(Err.BAD_VERSION, self.writer.set_data, self.root, b'', 9)
        self.assert_fails(Err.BAD_VERSION, self.writer.delete, self.root, 9)
        self.writer.multi(records.check(self.root))
        self.assert_events(self.watcher)

    def test_root_watches(self):
        self.watcher.get_children('/', watch=True)
        self.watcher.get_data('/', watch=True)
        self.writer.set_data('/', b'x')
        self.writer.delete(self.root)
        self.assert_events(self.watcher, (DATA_CHANGED, '/'), (CHILDREN_CHANGED, '/'))

    def test_closing_a_session_fires_for_its_ephemerals(self):
        owner = self.connect()
        for name in ('a', 'b'):
            owner.create(f'{self.root}/{name}', flags=Flags.EPHEMERAL)
            self.watcher.exists(f'{self.root}/{name}', watch=True)
        self.watcher.get_children(self.root, watch=True)
        owner.close_session()
        events = self.watcher.take_event_pairs()
        self.assertEqual(sorted(events), [(DELETED, self.root + '/a'), (DELETED, self.root + '/b'),
                                          (CHILDREN_CHANGED, self.root)])

    def test_watches_go_with_their_connection(self):
        self.watcher.get_data(self.root, watch=True)
        second = self.connect(**self.watcher.credentials)
        self.writer.set_data(self.root, b'')
        self.assert_events(second)


class EventFrame(ServerCase):

    def test_state_is_connected_and_header_is_a_notification(self):
        client = self.client_with_root()
        client.get_data(self.root, watch=True)
        client.set_data(self.root, b'')
        event, = client.events
        self.assertEqual((event.type, event.path, event.state),
                         (DATA_CHANGED, self.root, CONNECTED_STATE))

    @differs_from_apache('3.8 writes -1')
    def test_zxid_is_that_of_the_transaction(self):
        client = self.client_with_root()
        client.get_data(self.root, watch=True)
        reply = client.exchange(records.set_data(self.root, b''))
        self.assertEqual(client.events[0].zxid, reply.zxid)


class Persistent(ServerCase):

    def setUp(self):
        super().setUp()
        self.watcher = self.connect()
        self.writer = self.client_with_root()

    def history(self):
        """Changes of the node, its children and its grandchildren, ending with none of them."""
        child, grandchild = self.root + '/c', self.root + '/c/g'
        self.writer.set_data(self.root, b'')
        self.writer.create(child)
        self.writer.set_data(child, b'')
        self.writer.create(grandchild)
        self.writer.set_data(grandchild, b'')
        self.writer.delete(grandchild)
        self.writer.delete(child)
        self.writer.delete(self.root)
        self.writer.create(self.root)
        return child, grandchild

    def test_persistent_watch_stays_and_sees_the_node_and_its_children(self):
        self.watcher.add_watch(self.root, PERSISTENT)
        self.history()
        root = self.root
        self.assert_events(self.watcher, (DATA_CHANGED, root), (CHILDREN_CHANGED, root),
                           (CHILDREN_CHANGED, root), (DELETED, root), (CREATED, root))

    def test_recursive_watch_sees_everything_below_but_no_children_changed(self):
        self.watcher.add_watch(self.root, RECURSIVE)
        child, grandchild = self.history()
        self.assert_events(
            self.watcher, (DATA_CHANGED, self.root), (CREATED, child), (DATA_CHANGED, child),
            (CREATED, grandchild), (DATA_CHANGED, grandchild), (DELETED, grandchild),
            (DELETED, child), (DELETED, self.root), (CREATED, self.root))

    def test_recursive_watch_on_the_root_sees_all(self):
        self.watcher.add_watch('/', RECURSIVE)
        self.writer.create(self.root + '/c')
        self.writer.set_data('/', b'')
        self.assert_events(self.watcher, (CREATED, self.root + '/c'), (DATA_CHANGED, '/'))

    def test_recursive_watch_respects_path_components(self):
        self.watcher.add_watch(self.root, RECURSIVE)
        self.writer.create(self.root + '-other')
        self.assert_events(self.watcher)

    def test_one_event_per_trigger_however_many_watches_match(self):
        self.watcher.get_data(self.root, watch=True)
        self.watcher.get_children(self.root, watch=True)
        self.watcher.add_watch(self.root, PERSISTENT)
        self.watcher.add_watch('/', RECURSIVE)
        self.writer.set_data(self.root, b'')
        self.assert_events(self.watcher, (DATA_CHANGED, self.root))
        self.writer.delete(self.root)
        self.assert_events(self.watcher, (DELETED, self.root))

    @differs_from_apache('3.8 keeps one mode per connection and path')
    def test_one_shot_part_is_consumed_and_the_persistent_part_stays(self):
        self.watcher.add_watch(self.root, PERSISTENT)
        self.watcher.get_data(self.root, watch=True)
        self.writer.set_data(self.root, b'')
        self.writer.set_data(self.root, b'')
        self.assert_events(self.watcher, *[(DATA_CHANGED, self.root)] * 2)

    def test_persistent_and_recursive_on_one_path(self):
        self.watcher.add_watch(self.root, PERSISTENT)
        self.watcher.add_watch(self.root, RECURSIVE)
        self.writer.set_data(self.root, b'')
        self.assert_events(self.watcher, (DATA_CHANGED, self.root))

    @differs_from_apache('3.8 keeps one mode per connection and path')
    def test_all_modes_of_one_path_work_side_by_side(self):
        self.watcher.add_watch(self.root, RECURSIVE)
        self.watcher.add_watch(self.root, PERSISTENT)
        self.writer.create(self.root + '/c')
        self.assert_events(self.watcher, (CREATED, self.root + '/c'), (CHILDREN_CHANGED, self.root))

    def test_path_need_not_exist_nor_be_valid(self):
        for path in (self.root + '/missing', '//', 'x'):
            for mode in (PERSISTENT, RECURSIVE):
                self.assertEqual(self.watcher.add_watch(path, mode), 0)

    def test_bad_modes_are_marshalling_errors(self):
        for mode in (2, 3, -1, 2**31 - 1):
            with self.subTest(mode=mode):
                self.assert_fails(Err.MARSHALLING, self.watcher.add_watch, self.root, mode)
        self.assert_alive(self.watcher)

    def test_ephemerals_of_a_closing_session(self):
        self.watcher.add_watch(self.root, RECURSIVE)
        owner = self.connect()
        owner.create(self.root + '/e', flags=Flags.EPHEMERAL)
        owner.close_session()
        self.assert_events(self.watcher, (CREATED, self.root + '/e'), (DELETED, self.root + '/e'))


class Order(ServerCase):

    def frames(self, client, count):
        """The next frames: events as (type, path), replies as their xid."""
        frames = [client.receive() for _ in range(count)]
        return [(f.type, f.path) if isinstance(f, Event) else f.xid for f in frames]

    def test_events_of_a_create_precede_its_reply(self):
        client = self.client_with_root()
        path = self.root + '/x'
        self.assert_fails(Err.NO_NODE, client.exists, path, watch=True)
        client.get_children(self.root, watch=True)
        xid = client.send(records.create(path))
        self.assertEqual(self.frames(client, 3),
                         [(CREATED, path), (CHILDREN_CHANGED, self.root), xid])

    def test_events_of_a_delete_precede_its_reply(self):
        client = self.client_with_root()
        client.get_data(self.root, watch=True)
        client.get_children(self.root, watch=True)
        client.get_children('/', watch=True)
        xid = client.send(records.delete(self.root))
        self.assertEqual(self.frames(client, 3),
                         [(DELETED, self.root), (CHILDREN_CHANGED, '/'), xid])

    def test_watch_set_behind_the_change_does_not_see_it(self):
        client = self.client_with_root()
        write, read = client.send_all([records.set_data(self.root, b'new'),
                                       records.get_data(self.root, watch=True)])
        self.assertEqual(client.receive().xid, write)
        reply = client.receive()
        self.assertEqual(reply.xid, read)
        self.assertEqual(records.decode_body(4, reply.body)[0], b'new')
        self.assert_events(client)

    def test_watch_set_before_the_change_sees_it_between_the_replies(self):
        client = self.client_with_root()
        read, write = client.send_all([records.get_data(self.root, watch=True),
                                       records.set_data(self.root, b'new')])
        self.assertEqual(self.frames(client, 3), [read, (DATA_CHANGED, self.root), write])

    def test_another_connection_gets_the_event_before_it_can_read_the_change(self):
        writer, watcher = self.client_with_root(), self.connect()
        for _ in range(50):
            watcher.get_data(self.root, watch=True)
            writer.send(records.set_data(self.root, b''))
            version = None
            while not watcher.events:
                seen = watcher.get_data(self.root)[1].version
                if not watcher.events:
                    version = version or seen
                    self.assertEqual(seen, version)
            watcher.events.clear()
            writer.receive_reply()

    def test_events_follow_the_order_of_transactions(self):
        writer, watcher = self.client_with_root(), self.connect()
        watcher.add_watch(self.root, RECURSIVE)
        paths = [f'{self.root}/{i}' for i in range(200)]
        writer.send_all([records.create(path) for path in paths])
        writer.send_all([records.delete(path) for path in paths])
        for _ in range(400):
            writer.receive_reply()
        self.assert_events(watcher, *[(CREATED, path) for path in paths],
                           *[(DELETED, path) for path in paths])

    def test_closing_connection_gets_its_own_events_before_the_reply(self):
        client = self.client_with_root()
        client.create(self.root + '/e', flags=Flags.EPHEMERAL)
        client.exists(self.root + '/e', watch=True)
        xid = client.send(records.close_session())
        self.assertEqual(self.frames(client, 2), [(DELETED, self.root + '/e'), xid])
        self.assert_closed_silently(client)

    def test_fan_out_reaches_every_connection_once(self):
        writer = self.client_with_root()
        watchers = [self.connect() for _ in range(100)]
        for watcher in watchers:
            watcher.get_data(self.root, watch=True)
        writer.set_data(self.root, b'')
        writer.set_data(self.root, b'')
        for watcher in watchers:
            self.assert_events(watcher, (DATA_CHANGED, self.root))


class AclFilter(ServerCase):
    """An event is a read: who may not read gets none. The one-shot watch is spent all the same."""

    LOCKED = (Acl(Perms.ALL & ~Perms.READ, 'world', 'anyone'),)

    def setUp(self):
        super().setUp()
        self.watcher = self.connect()
        self.writer = self.client_with_root()

    def test_change_of_unreadable_data_is_not_told(self):
        self.watcher.get_data(self.root, watch=True)
        self.writer.set_acl(self.root, self.LOCKED)
        self.writer.set_data(self.root, b'')
        self.writer.set_acl(self.root, records.OPEN_ACL)
        self.writer.set_data(self.root, b'')
        self.assert_events(self.watcher)

    def test_creation_and_deletion_of_unreadable_nodes_are_not_told(self):
        self.watcher.add_watch(self.root, RECURSIVE)
        self.writer.create(self.root + '/secret', acl=self.LOCKED)
        self.writer.delete(self.root + '/secret')
        self.writer.create(self.root + '/open')
        self.assert_events(self.watcher, (CREATED, self.root + '/open'))

    def test_children_of_an_unreadable_parent_are_not_told(self):
        self.watcher.get_children(self.root, watch=True)
        self.writer.set_acl(self.root, self.LOCKED)
        self.writer.create(self.root + '/x')
        self.assert_events(self.watcher)

    def test_children_changed_asks_for_the_parent_not_the_child(self):
        self.watcher.get_children(self.root, watch=True)
        self.writer.create(self.root + '/secret', acl=self.LOCKED)
        self.assert_events(self.watcher, (CHILDREN_CHANGED, self.root))

    def test_authenticated_watcher_is_told(self):
        acl = (Acl(Perms.ALL, 'digest', 'u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ='),)
        self.watcher.auth('digest', b'u:p')
        self.watcher.add_watch(self.root, RECURSIVE)
        self.writer.create(self.root + '/secret', acl=acl)
        self.assert_events(self.watcher, (CREATED, self.root + '/secret'))
