"""setWatches and setWatches2: what a reconnecting client has missed, and what it keeps."""

from harness import records
from harness.cases import ServerCase
from harness.codes import EventType, WatchMode, Xid

CREATED, DELETED = EventType.CREATED, EventType.DELETED
DATA_CHANGED, CHILDREN_CHANGED = EventType.DATA_CHANGED, EventType.CHILDREN_CHANGED


class SetWatches(ServerCase):

    def setUp(self):
        super().setUp()
        self.writer = self.client_with_root()
        self.client = self.connect()

    def set_watches(self, zxid, expected, **lists):
        """Sends the request; `expected` are the events that must come before its reply."""
        self.client.events.clear()
        reply = self.client.exchange(records.set_watches(zxid, **lists))
        self.assertEqual((reply.err, reply.body), (0, b''))
        events = [(event.type, event.path) for event in self.client.events]
        self.assertEqual(events, [(int(kind), path) for kind, path in expected])
        self.client.events.clear()

    def now(self):
        return self.writer.exchange(records.ping()).zxid

    def test_data_watch_on_an_unchanged_node_is_kept(self):
        self.set_watches(self.now(), [], data=[self.root])
        self.writer.set_data(self.root, b'')
        self.assert_events(self.client, (DATA_CHANGED, self.root))

    def test_data_watch_on_a_changed_node_fires_and_is_gone(self):
        zxid = self.now()
        self.writer.set_data(self.root, b'')
        self.set_watches(zxid, [(DATA_CHANGED, self.root)], data=[self.root])
        self.writer.set_data(self.root, b'')
        self.assert_events(self.client)

    def test_data_watch_on_a_missing_node_tells_its_deletion(self):
        path = self.root + '/x'
        self.set_watches(self.now(), [(DELETED, path)], data=[path])
        self.writer.create(path)
        self.assert_events(self.client)

    def test_node_made_anew_shows_as_changed(self):
        zxid = self.now()
        self.writer.delete(self.root)
        self.writer.create(self.root)
        self.set_watches(zxid, [(DATA_CHANGED, self.root)], data=[self.root])

    def test_change_at_the_very_zxid_is_known_already(self):
        zxid = self.writer.exchange(records.set_data(self.root, b'')).zxid
        self.set_watches(zxid, [], data=[self.root])
        self.set_watches(zxid - 1, [(DATA_CHANGED, self.root)], data=[self.root])

    def test_exist_watch_on_a_missing_node_is_kept(self):
        path = self.root + '/x'
        self.set_watches(self.now(), [], exist=[path])
        self.writer.create(path)
        self.assert_events(self.client, (CREATED, path))

    def test_exist_watch_on_a_node_tells_its_creation_whatever_the_zxid(self):
        self.set_watches(self.now() + 1000, [(CREATED, self.root)], exist=[self.root])
        self.writer.set_data(self.root, b'')
        self.assert_events(self.client)

    def test_child_watch_on_unchanged_children_is_kept(self):
        self.set_watches(self.now(), [], child=[self.root])
        self.writer.set_data(self.root, b'')
        self.writer.create(self.root + '/x')
        self.assert_events(self.client, (CHILDREN_CHANGED, self.root))

    def test_child_watch_on_changed_children_fires_and_is_gone(self):
        zxid = self.now()
        self.writer.create(self.root + '/x')
        self.set_watches(zxid, [(CHILDREN_CHANGED, self.root)], child=[self.root])
        self.writer.create(self.root + '/y')
        self.assert_events(self.client)

    def test_child_watch_on_a_missing_node_tells_its_deletion(self):
        path = self.root + '/x'
        self.set_watches(self.now(), [(DELETED, path)], child=[path])

    def test_persistent_watches_are_added_without_catching_up(self):
        other = self.root + '/other'
        zxid = self.now()
        self.writer.set_data(self.root, b'')
        self.writer.create(other)
        self.set_watches(zxid, [], persistent=[self.root], recursive=[other])
        self.writer.set_data(self.root, b'')
        self.writer.create(other + '/child')
        self.writer.set_data(self.root, b'')
        self.assert_events(self.client, (DATA_CHANGED, self.root), (CREATED, other + '/child'),
                           (DATA_CHANGED, self.root))

    def test_events_that_catch_up_carry_no_zxid_from_the_future(self):
        zxid = self.now()
        self.writer.set_data(self.root, b'')
        reply = self.client.exchange(records.set_watches(zxid, data=[self.root]))
        event, = self.client.events
        self.assertTrue(event.zxid == -1 or 0 < event.zxid <= reply.zxid, event)

    def test_all_lists_together(self):
        names = 'data', 'exist', 'child', 'persistent', 'recursive'
        for name in names:
            self.writer.create(f'{self.root}/{name}')
        zxid = self.now()
        self.writer.set_data(f'{self.root}/data', b'')
        self.writer.create(f'{self.root}/child/x')
        events = [(DATA_CHANGED, f'{self.root}/data'), (CREATED, f'{self.root}/exist'),
                  (CHILDREN_CHANGED, f'{self.root}/child')]
        self.client.events.clear()
        lists = {name: [f'{self.root}/{name}'] for name in names}
        self.assertEqual(self.client.exchange(records.set_watches(zxid, **lists)).err, 0)
        self.assertEqual(sorted((event.type, event.path) for event in self.client.events),
                         sorted((int(kind), path) for kind, path in events))

    def test_xid_of_the_c_client_is_echoed(self):
        self.assertEqual(
            self.client.exchange(records.set_watches(self.now(), data=[self.root]),
                                 Xid.SET_WATCHES).xid, Xid.SET_WATCHES)

    def test_catch_up_precedes_replies_to_later_requests(self):
        zxid = self.now()
        self.writer.set_data(self.root, b'')
        self.client.send_all([records.set_watches(zxid, data=[self.root]),
                              records.get_data(self.root)])
        self.client.receive_reply()
        self.assertEqual(len(self.client.events), 1)
        self.assertEqual(self.client.receive_reply().err, 0)

    def test_unreadable_nodes_keep_their_watches(self):
        self.writer.set_acl(self.root, (records.Acl(30, 'world', 'anyone'),))
        zxid = self.now()
        self.set_watches(zxid, [], data=[self.root], child=[self.root])
        self.set_watches(0, [(DATA_CHANGED, self.root)], data=[self.root])

    def test_reconnection_as_a_client_does_it(self):
        self.client.get_data(self.root, watch=True)
        seen = self.client.last_zxid
        self.client.close()
        self.writer.set_data(self.root, b'missed')
        again = self.connect(last_zxid=seen, **self.client.credentials)
        again.send_all([records.auth('digest', b'u:p'),
                        records.set_watches(seen, data=[self.root])])
        self.assertEqual(again.receive_reply().err, 0)
        self.assertEqual(again.receive_reply().err, 0)
        self.assertEqual([(e.type, e.path) for e in again.events], [(DATA_CHANGED, self.root)])

    def test_hundred_thousand_watches_in_requests_of_128_kib(self):
        paths = [f'{self.root}/watched-{number:06}' for number in range(100000)]
        per_request = (128 << 10) // len(paths[0])
        requests = [records.set_watches(self.now(), exist=paths[i:i + per_request])
                    for i in range(0, len(paths), per_request)]
        for xid in self.client.send_all(requests):
            self.assertEqual(self.client.receive_reply(xid).err, 0)
        self.writer.create(paths[0])
        self.writer.create(paths[-1])
        self.assert_events(self.client, (CREATED, paths[0]), (CREATED, paths[-1]))


class SetWatchesModes(ServerCase):

    def test_restored_watches_can_be_checked_and_removed(self):
        client = self.client_with_root()
        zxid = client.last_zxid
        client.call(records.set_watches(zxid, data=[self.root], child=[self.root]))
        client.check_watches(self.root, 1)
        client.check_watches(self.root, 2)
        client.remove_watches(self.root, 3)
        client.set_data(self.root, b'')
        self.assert_events(client)

    def test_adding_a_restored_watch_again_gives_one_event(self):
        client = self.client_with_root()
        client.call(records.set_watches(client.last_zxid, persistent=[self.root]))
        client.add_watch(self.root, WatchMode.PERSISTENT)
        client.set_data(self.root, b'')
        self.assert_events(client, (DATA_CHANGED, self.root))
