"""The fields of Stat, and which operation moves which."""

import time

from harness import records
from harness.cases import ServerCase, differs_from_apache, differs_in_ensemble
from harness.codes import Err, Flags
from harness.records import OPEN_ACL, READ_ONLY_ACL


class FreshTree(ServerCase):
    """The first test by name looks at the tree before anything was created in it."""

    def test_0_root_and_system_nodes_as_they_are_born(self):
        client = self.connect()
        root = client.stat('/')
        self.assertEqual((root.czxid, root.mzxid, root.pzxid, root.ctime, root.mtime), (0,) * 5)
        self.assertEqual((root.version, root.cversion, root.aversion), (0, -1, 0))
        self.assertEqual((root.ephemeral_owner, root.data_length, root.num_children), (0, 0, 1))
        zookeeper = client.stat('/zookeeper')
        self.assertEqual((zookeeper.version, zookeeper.cversion, zookeeper.num_children),
                         (0, -2, 2))
        self.assertEqual(client.stat('/zookeeper/config').aversion, -1)
        self.assertEqual(client.get_children('/'), ['zookeeper'])
        self.assertEqual(sorted(client.get_children('/zookeeper')), ['config', 'quota'])

    @differs_from_apache('standalone, 3.8 starts it with version 0')
    def test_configuration_node_has_version_minus_one(self):
        self.assertEqual(self.connect().stat('/zookeeper/config').version, -1)

    def test_acls_of_the_system_nodes(self):
        client = self.connect()
        for path in ('/', '/zookeeper', '/zookeeper/quota'):
            self.assertEqual(client.get_acl(path)[0], list(OPEN_ACL))
        self.assertEqual(client.get_acl('/zookeeper/config')[0], list(READ_ONLY_ACL))

    @differs_in_ensemble('it shows its members')
    def test_configuration_of_a_single_server_is_empty(self):
        self.assertEqual(self.connect().get_data('/zookeeper/config')[0], b'')

    def test_children_of_the_root_count(self):
        client = self.connect()
        before = client.stat('/')
        zxid = client.create2(self.root)[1].czxid
        after = client.stat('/')
        self.assertEqual(after.cversion, before.cversion + 1)
        self.assertEqual(after.num_children, before.num_children + 1)
        self.assertEqual(after.pzxid, zxid)

    def test_all_children_number_of_the_root_counts_the_system_nodes(self):
        client = self.connect()
        number = client.call(records.get_all_children_number('/'))
        client.create(self.root)
        client.create(self.root + '/a')
        self.assertEqual(client.call(records.get_all_children_number('/')), number + 2)
        self.assertEqual(client.call(records.get_all_children_number(self.root)), 1)
        self.assertGreaterEqual(number, 3)


class Fields(ServerCase):

    def test_create_sets_them(self):
        client = self.connect()
        before_ms = int(time.time() * 1000)
        reply = client.exchange(records.create2(self.root, b'data'))
        after_ms = int(time.time() * 1000)
        _, stat = records.decode_body(15, reply.body)
        self.assertEqual((stat.czxid, stat.mzxid, stat.pzxid), (reply.zxid,) * 3)
        self.assertTrue(before_ms - 1 <= stat.ctime <= after_ms + 1, stat)
        self.assertEqual(stat.mtime, stat.ctime)
        self.assertEqual((stat.version, stat.cversion, stat.aversion), (0, 0, 0))
        self.assertEqual((stat.ephemeral_owner, stat.data_length, stat.num_children), (0, 4, 0))

    def test_set_data_moves_version_mzxid_mtime(self):
        client = self.client_with_root()
        before = client.stat(self.root)
        reply = client.exchange(records.set_data(self.root, b'longer'))
        stat = records.decode_body(5, reply.body)
        self.assertEqual(stat, before._replace(version=1, mzxid=reply.zxid, mtime=stat.mtime,
                                               data_length=6))
        self.assertGreaterEqual(stat.mtime, before.mtime)
        self.assertEqual(client.stat(self.root), stat)

    def test_set_acl_moves_aversion_alone(self):
        client = self.client_with_root()
        before = client.stat(self.root)
        stat = client.set_acl(self.root, OPEN_ACL)
        self.assertEqual(stat, before._replace(aversion=1))
        self.assertEqual(client.stat(self.root), stat)

    def test_child_changes_move_cversion_and_pzxid_of_the_parent_alone(self):
        client = self.client_with_root()
        before = client.stat(self.root)
        created = client.exchange(records.create(self.root + '/a')).zxid
        expected = before._replace(cversion=1, pzxid=created, num_children=1)
        self.assertEqual(client.stat(self.root), expected)
        client.set_data(self.root + '/a', b'x')
        client.set_acl(self.root + '/a', OPEN_ACL)
        self.assertEqual(client.stat(self.root), expected)
        deleted = client.exchange(records.delete(self.root + '/a')).zxid
        self.assertEqual(client.stat(self.root),
                         before._replace(cversion=2, pzxid=deleted, num_children=0))

    def test_cversion_is_creations_plus_deletions(self):
        client = self.client_with_root()
        for i in range(5):
            client.create(f'{self.root}/c', flags=Flags.SEQUENTIAL)
        for name in client.get_children(self.root)[:3]:
            client.delete(f'{self.root}/{name}')
        stat = client.stat(self.root)
        self.assertEqual((stat.cversion, stat.num_children), (8, 2))

    def test_grandchildren_leave_the_node_alone(self):
        client = self.client_with_root()
        client.create(self.root + '/a')
        before = client.stat(self.root)
        client.create(self.root + '/a/b')
        client.delete(self.root + '/a/b')
        self.assertEqual(client.stat(self.root), before)

    def test_failed_writes_move_nothing(self):
        client = self.client_with_root()
        client.create(self.root + '/a')
        before = client.stat(self.root)
        self.assert_fails(Err.BAD_VERSION, client.set_data, self.root, b'x', 5)
        self.assert_fails(Err.NODE_EXISTS, client.create, self.root + '/a')
        self.assert_fails(Err.NOT_EMPTY, client.delete, self.root)
        self.assert_fails(Err.BAD_VERSION, client.set_acl, self.root, OPEN_ACL, 5)
        self.assertEqual(client.stat(self.root), before)

    def test_ephemeral_deleted_with_its_session_moves_the_parent(self):
        client, owner = self.client_with_root(), self.connect()
        owner.create(self.root + '/e', flags=Flags.EPHEMERAL)
        zxid = owner.exchange(records.close_session()).zxid
        stat = client.stat(self.root)
        self.assertEqual((stat.cversion, stat.num_children, stat.pzxid), (2, 0, zxid))

    def test_every_read_shows_the_same_stat(self):
        client = self.client_with_root()
        client.create(self.root + '/a')
        stat = client.stat(self.root)
        self.assertEqual(client.get_data(self.root)[1], stat)
        self.assertEqual(client.get_children2(self.root)[1], stat)
        self.assertEqual(client.get_acl(self.root)[1], stat)


class Versions(ServerCase):

    def test_set_data_compares_the_version(self):
        client = self.client_with_root()
        self.assertEqual(client.set_data(self.root, b'', 0).version, 1)
        for version in (0, 2, -2, -2**31, 2**31 - 1):
            self.assert_fails(Err.BAD_VERSION, client.set_data, self.root, b'', version)
        self.assertEqual(client.set_data(self.root, b'', -1).version, 2)

    def test_set_acl_compares_the_aversion(self):
        client = self.client_with_root()
        client.set_data(self.root, b'')
        client.set_data(self.root, b'')
        self.assert_fails(Err.BAD_VERSION, client.set_acl, self.root, OPEN_ACL, 2)
        self.assertEqual(client.set_acl(self.root, OPEN_ACL, 0).aversion, 1)
        self.assert_fails(Err.BAD_VERSION, client.set_acl, self.root, OPEN_ACL, 0)
        self.assertEqual(client.set_acl(self.root, OPEN_ACL, -1).aversion, 2)

    def test_root_data_can_be_set(self):
        client = self.connect()
        version = client.stat('/').version
        self.assertEqual(client.set_data('/', b'top').version, version + 1)
        self.assertEqual(client.get_data('/')[0], b'top')

    def test_missing_node_beats_the_version(self):
        self.assert_fails(Err.NO_NODE, self.connect().set_data, self.root, b'', 3)

    @differs_from_apache('super could overwrite the text without changing the ensemble')
    def test_configuration_cannot_be_overwritten(self):
        self.assert_fails(Err.NO_AUTH, self.connect().set_data, '/zookeeper/config', b'x')
