"""checkWatches and removeWatches: each kind of watch by itself, and -121 where there is none."""

from harness import records
from harness.cases import ServerCase, differs_from_apache
from harness.codes import Err, EventType, WatcherType, WatchMode

CHILDREN, DATA, ANY = WatcherType.CHILDREN, WatcherType.DATA, WatcherType.ANY
PERSISTENT, RECURSIVE = WatcherType.PERSISTENT, WatcherType.PERSISTENT_RECURSIVE


class RemoveWatches(ServerCase):

    def setUp(self):
        super().setUp()
        self.client = self.client_with_root()

    def kinds_found(self, path, kinds):
        found = []
        for kind in kinds:
            reply = self.client.exchange(records.check_watches(path, kind))
            if reply.err == 0:
                found.append(kind)
            else:
                self.assertEqual((reply.err, reply.body), (Err.NO_WATCHER, b''))
        return found

    def test_nothing_to_find_nothing_to_remove(self):
        for kind in (CHILDREN, DATA, ANY):
            self.assert_fails(Err.NO_WATCHER, self.client.check_watches, self.root, kind)
            self.assert_fails(Err.NO_WATCHER, self.client.remove_watches, self.root, kind)

    def test_data_watch_is_found_and_removed(self):
        self.client.get_data(self.root, watch=True)
        self.assertEqual(self.kinds_found(self.root, (CHILDREN, DATA, ANY)), [DATA, ANY])
        self.client.remove_watches(self.root, DATA)
        self.assertEqual(self.kinds_found(self.root, (CHILDREN, DATA, ANY)), [])
        self.client.set_data(self.root, b'')
        self.assert_events(self.client)

    def test_exists_watch_on_a_missing_node_is_a_data_watch(self):
        path = self.root + '/x'
        self.assert_fails(Err.NO_NODE, self.client.exists, path, watch=True)
        self.client.remove_watches(path, DATA)
        self.client.create(path)
        self.assert_events(self.client)

    def test_child_watch_is_found_and_removed(self):
        self.client.get_children(self.root, watch=True)
        self.assertEqual(self.kinds_found(self.root, (CHILDREN, DATA, ANY)), [CHILDREN, ANY])
        self.client.remove_watches(self.root, CHILDREN)
        self.client.create(self.root + '/x')
        self.assert_events(self.client)

    def test_removing_one_kind_leaves_the_other(self):
        self.client.get_children(self.root, watch=True)
        self.client.get_data(self.root, watch=True)
        self.client.remove_watches(self.root, DATA)
        self.assertEqual(self.kinds_found(self.root, (CHILDREN, DATA)), [CHILDREN])
        self.client.create(self.root + '/x')
        self.assert_events(self.client, (EventType.CHILDREN_CHANGED, self.root))

    def test_any_removes_everything_on_the_path(self):
        self.client.get_children(self.root, watch=True)
        self.client.get_data(self.root, watch=True)
        self.client.remove_watches(self.root, ANY)
        self.client.set_data(self.root, b'')
        self.client.create(self.root + '/x')
        self.assert_events(self.client)

    def test_any_removes_persistent_watches(self):
        self.client.add_watch(self.root, WatchMode.PERSISTENT_RECURSIVE)
        self.client.remove_watches(self.root, ANY)
        self.client.set_data(self.root, b'')
        self.assert_events(self.client)

    def test_removal_sends_no_event(self):
        self.client.get_data(self.root, watch=True)
        self.client.remove_watches(self.root, DATA)
        self.assert_events(self.client)

    def test_removal_takes_the_exact_path(self):
        self.client.get_data(self.root, watch=True)
        for path in (self.root + '/', '/', self.root + '/x'):
            self.assert_fails(Err.NO_WATCHER, self.client.remove_watches, path, DATA)

    def test_other_connections_keep_theirs(self):
        other = self.connect()
        other.get_data(self.root, watch=True)
        self.assert_fails(Err.NO_WATCHER, self.client.remove_watches, self.root, DATA)
        self.client.get_data(self.root, watch=True)
        self.client.remove_watches(self.root, DATA)
        self.client.set_data(self.root, b'')
        self.assert_events(other, (EventType.DATA_CHANGED, self.root))
        self.assert_events(self.client)

    def test_spent_watch_is_not_found(self):
        self.client.get_data(self.root, watch=True)
        self.client.set_data(self.root, b'')
        self.assert_fails(Err.NO_WATCHER, self.client.check_watches, self.root, DATA)

    def test_unknown_kinds_are_marshalling_errors(self):
        self.client.get_data(self.root, watch=True)
        for kind in (0, 6, 7, -1, 2**31 - 1):
            with self.subTest(kind=kind):
                self.assert_fails(Err.MARSHALLING, self.client.check_watches, self.root, kind)
                self.assert_fails(Err.MARSHALLING, self.client.remove_watches, self.root, kind)
        self.client.check_watches(self.root, DATA)


class KindsApart(ServerCase):
    """The five kinds since 3.9: one-shot kinds do not match persistent watches."""

    ALL_KINDS = (CHILDREN, DATA, ANY, PERSISTENT, RECURSIVE)

    @differs_from_apache('3.8 knows three kinds, which match every mode')
    def test_each_watch_is_found_by_its_own_kind_and_any(self):
        client = self.client_with_root()
        setters = {CHILDREN: lambda path: client.get_children(path, watch=True),
                   DATA: lambda path: client.get_data(path, watch=True),
                   PERSISTENT: lambda path: client.add_watch(path, WatchMode.PERSISTENT),
                   RECURSIVE: lambda path: client.add_watch(path, WatchMode.PERSISTENT_RECURSIVE)}
        for own_kind, set_watch in setters.items():
            path = client.create(f'{self.root}/{own_kind.name}')
            set_watch(path)
            for kind in self.ALL_KINDS:
                with self.subTest(watch=own_kind.name, kind=kind.name):
                    expected = 0 if kind in (own_kind, ANY) else Err.NO_WATCHER
                    self.assertEqual(client.exchange(records.check_watches(path, kind)).err,
                                     expected)

    @differs_from_apache('3.8 knows three kinds, which match every mode')
    def test_each_kind_is_removed_by_itself(self):
        client = self.client_with_root()
        client.get_data(self.root, watch=True)
        client.get_children(self.root, watch=True)
        client.add_watch(self.root, WatchMode.PERSISTENT)
        client.add_watch(self.root, WatchMode.PERSISTENT_RECURSIVE)
        left = [CHILDREN, DATA, PERSISTENT, RECURSIVE]
        for kind in (PERSISTENT, DATA, RECURSIVE, CHILDREN):
            client.remove_watches(self.root, kind)
            self.assert_fails(Err.NO_WATCHER, client.remove_watches, self.root, kind)
            left.remove(kind)
            for other in left:
                client.check_watches(self.root, other)
        self.assert_fails(Err.NO_WATCHER, client.check_watches, self.root, ANY)

    @differs_from_apache('3.8 knows three kinds, which match every mode')
    def test_removed_persistent_watch_leaves_a_one_shot_one(self):
        client = self.client_with_root()
        client.add_watch(self.root, WatchMode.PERSISTENT)
        client.get_data(self.root, watch=True)
        client.remove_watches(self.root, PERSISTENT)
        client.set_data(self.root, b'')
        client.set_data(self.root, b'')
        self.assert_events(client, (EventType.DATA_CHANGED, self.root))
