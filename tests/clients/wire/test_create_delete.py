"""create and delete: results, and which error wins when several apply; path rules; null data."""

from harness import records
from harness.cases import ServerCase, differs_from_apache
from harness.codes import Err, Flags, Perms
from harness.records import OPEN_ACL, READ_ONLY_ACL, Acl

NO_ACL = ()
BAD_FLAGS = (7, 8, 100, -1, 2**31 - 1, -2**31)
SYSTEM_PATHS = ('/zookeeper', '/zookeeper/quota', '/zookeeper/config')


class Create(ServerCase):

    def test_create_answers_with_the_path_alone(self):
        client = self.connect()
        self.assertEqual(client.create(self.root, b'd'), self.root)
        self.assertEqual(client.get_data(self.root)[0], b'd')

    def test_create2_answers_with_path_and_stat(self):
        client = self.connect()
        path, stat = client.create2(self.root, b'data')
        self.assertEqual((path, stat), (self.root, client.stat(self.root)))
        self.assertEqual(stat.data_length, 4)

    def test_ephemeral_belongs_to_its_session(self):
        client = self.connect()
        _, stat = client.create2(self.root, flags=Flags.EPHEMERAL)
        self.assertEqual(stat.ephemeral_owner, client.session_id)

    def test_existing_node(self):
        client = self.client_with_root()
        for flags in (Flags.PERSISTENT, Flags.EPHEMERAL):
            self.assert_fails(Err.NODE_EXISTS, client.create, self.root, flags=flags)
        self.assert_fails(Err.NODE_EXISTS, client.create_container, self.root)
        self.assert_fails(Err.NODE_EXISTS, client.create_ttl, self.root, 1000)
        self.assert_fails(Err.NODE_EXISTS, client.create, '/')
        for path in SYSTEM_PATHS:
            self.assert_fails(Err.NODE_EXISTS, client.create, path)

    def test_missing_parent(self):
        client = self.connect()
        self.assert_fails(Err.NO_NODE, client.create, self.root + '/child')
        self.assert_fails(Err.NO_NODE, client.create, self.root + '/child', flags=3)

    def test_child_of_an_ephemeral(self):
        client = self.connect()
        client.create(self.root, flags=Flags.EPHEMERAL)
        for flags in (0, 1, 2, 3):
            self.assert_fails(Err.NO_CHILDREN_FOR_EPHEMERALS, client.create, self.root + '/c',
                              flags=flags)

    def test_unknown_flags(self):
        client = self.connect()
        for flags in BAD_FLAGS:
            with self.subTest(flags=flags):
                self.assert_fails(Err.BAD_ARGUMENTS, client.create, self.root, flags=flags)
                self.assert_fails(Err.BAD_ARGUMENTS, client.create2, self.root, flags=flags)

    def test_failed_create_leaves_nothing(self):
        client = self.client_with_root()
        before = client.stat(self.root)
        self.assert_fails(Err.BAD_ARGUMENTS, client.create, self.root + '/a\x01')
        self.assert_fails(Err.NO_NODE, client.create, self.root + '/a/')
        self.assert_fails(Err.INVALID_ACL, client.create, self.root + '/a', acl=NO_ACL)
        self.assertEqual(client.stat(self.root), before)


class CreateCheckOrder(ServerCase):
    """Each case breaks several rules; the answer names the one that is checked first."""

    def test_empty_component_is_a_missing_parent(self):
        self.assert_fails(Err.NO_NODE, self.client_with_root().create, self.root + '//x')

    def test_root_exists_however_it_is_created(self):
        client = self.connect()
        self.assert_fails(Err.NODE_EXISTS, client.create, '/')
        self.assert_fails(Err.NODE_EXISTS, client.create2, '/')

    def test_path_without_slash_is_bad(self):
        for path in ('t', '', 'a\0b'):
            self.assert_fails(Err.BAD_ARGUMENTS, self.connect().create, path)

    def test_nul_in_the_path_beats_a_missing_parent(self):
        self.assert_fails(Err.BAD_ARGUMENTS, self.connect().create, '/missing/a\0b')

    def test_bad_flags_beat_all(self):
        client = self.connect()
        self.assert_fails(Err.BAD_ARGUMENTS, client.create, self.root + '/x', acl=NO_ACL, flags=9)
        self.assert_fails(Err.BAD_ARGUMENTS, client.create, '/', flags=9)

    def test_bad_acl_beats_a_missing_parent(self):
        self.assert_fails(Err.INVALID_ACL, self.connect().create, self.root + '/x', acl=NO_ACL)

    def test_bad_acl_beats_an_existing_node(self):
        self.assert_fails(Err.INVALID_ACL, self.client_with_root().create, self.root, acl=NO_ACL)

    def test_path_without_slash_beats_a_bad_acl(self):
        self.assert_fails(Err.BAD_ARGUMENTS, self.connect().create, 'x', acl=NO_ACL)

    def test_missing_parent_beats_a_bad_name(self):
        self.assert_fails(Err.NO_NODE, self.connect().create, '/missing/bad\x01')

    def test_bad_name_beats_an_existing_node(self):
        self.assert_fails(Err.BAD_ARGUMENTS, self.client_with_root().create, self.root + '/.')

    def test_no_create_right_beats_an_existing_node(self):
        client = self.client_with_root()
        client.create(self.root + '/x')
        client.set_acl(self.root, READ_ONLY_ACL)
        self.assert_fails(Err.NO_AUTH, client.create, self.root + '/x')
        self.assert_fails(Err.NO_AUTH, client.create, self.root + '/bad\x01')

    def test_bad_name_beats_an_ephemeral_parent(self):
        client = self.connect()
        client.create(self.root, flags=Flags.EPHEMERAL)
        self.assert_fails(Err.BAD_ARGUMENTS, client.create, self.root + '/..')


class PathRules(ServerCase):

    BAD_NAMES = ('.', '..', 'a/', 'a\x01', 'a\x1f', 'a\x7f', 'a\x9f', 'a\ue000', 'a\uf8ff',
                 'a\ufff0', 'a\uffff', 'emoji\U0001f600')
    GOOD_NAMES = ('.hidden', '..x', '...', 'a b', 'a:b', '~', 'ä', '\u4e2d\u6587', '\ud7ff',
                  '\uf900', '\uffef', '\u00a0', 'a,b;c=d', '%2F', '\\', '"', "'", '*')

    def test_bad_names(self):
        client = self.client_with_root()
        for name in self.BAD_NAMES:
            expected = Err.NO_NODE if name == 'a/' else Err.BAD_ARGUMENTS
            with self.subTest(name=name):
                self.assert_fails(expected, client.create, f'{self.root}/{name}')

    def test_sequential_names_are_judged_with_their_number(self):
        client = self.client_with_root()
        self.assertEqual(client.create(self.root + '/..', flags=Flags.SEQUENTIAL),
                         self.root + '/..0000000000')
        self.assert_fails(Err.BAD_ARGUMENTS, client.create, self.root + '/a\x01',
                          flags=Flags.SEQUENTIAL)

    def test_good_names(self):
        client = self.client_with_root()
        for name in self.GOOD_NAMES:
            with self.subTest(name=name):
                path = f'{self.root}/{name}'
                self.assertEqual(client.create(path), path)
        self.assertEqual(sorted(client.get_children(self.root)), sorted(self.GOOD_NAMES))

    def test_bytes_that_are_no_utf8(self):
        client = self.client_with_root()
        for name in (b'\xff', b'\xc3', b'\xed\xa0\x80', b'\xf0\x9f\x98\x80', b'\xc0\xaf', b'\x80'):
            with self.subTest(name=name):
                self.assert_fails(Err.BAD_ARGUMENTS, client.create,
                                  self.root.encode() + b'/' + name)

    def test_long_names(self):
        client = self.client_with_root()
        path = self.root + '/' + 'x' * 300000
        self.assertEqual(client.create(path), path)
        client.delete(path)

    def test_deep_paths(self):
        client = self.client_with_root()
        path = self.root
        for _ in range(300):
            path += '/d'
            client.create(path)
        self.assertEqual(client.stat(path).num_children, 0)

    def test_writes_refuse_bad_paths_before_missing_ones(self):
        client = self.connect()
        for path in ('/missing/', '//', '/a//b', '/a/./b', '/a/..', 'x', '', '/a\x01'):
            with self.subTest(path=path):
                self.assert_fails(Err.BAD_ARGUMENTS, client.set_data, path, b'')
                self.assert_fails(Err.BAD_ARGUMENTS, client.set_acl, path, OPEN_ACL)

    def test_reads_take_a_bad_path_for_a_missing_one(self):
        client = self.client_with_root()
        for path in (self.root + '/', '//', self.root + '//x', 'x', '/\x01'):
            with self.subTest(path=path):
                for read in (client.exists, client.get_data, client.get_children,
                             client.get_children2, client.get_acl):
                    self.assert_fails(Err.NO_NODE, read, path)

    def test_empty_path_reads_as_the_root(self):
        client = self.connect()
        self.assertEqual(client.exists(''), client.exists('/'))
        self.assertEqual(client.get_data(''), client.get_data('/'))
        self.assertEqual(sorted(client.get_children('')), sorted(client.get_children('/')))
        self.assertEqual(client.get_acl(''), client.get_acl('/'))

    @differs_from_apache('3.8 looks the path up')
    def test_exists_refuses_nul(self):
        self.assert_fails(Err.BAD_ARGUMENTS, self.connect().exists, '/a\0b')


class Delete(ServerCase):

    def test_delete_has_no_body_and_removes(self):
        client = self.client_with_root()
        self.assertIsNone(client.delete(self.root))
        self.assert_fails(Err.NO_NODE, client.stat, self.root)

    def test_missing_node(self):
        client = self.client_with_root()
        for path in (self.root + '/x', self.root + '/x/y', '/a//b', self.root + '/'):
            with self.subTest(path=path):
                self.assert_fails(Err.NO_NODE, client.delete, path)

    def test_version_is_compared(self):
        client = self.client_with_root()
        client.set_data(self.root, b'')
        for version in (0, 2, -2, 2**31 - 1, -2**31):
            self.assert_fails(Err.BAD_VERSION, client.delete, self.root, version)
        client.delete(self.root, 1)

    def test_node_with_children(self):
        client = self.client_with_root()
        client.create(self.root + '/c')
        self.assert_fails(Err.NOT_EMPTY, client.delete, self.root)
        client.delete(self.root + '/c')
        client.delete(self.root)

    def test_version_beats_children(self):
        client = self.client_with_root()
        client.create(self.root + '/c')
        self.assert_fails(Err.BAD_VERSION, client.delete, self.root, 7)

    def test_system_paths_are_bad_arguments(self):
        client = self.connect()
        for path in ('/', *SYSTEM_PATHS):
            for version in (-1, 99):
                with self.subTest(path=path, version=version):
                    self.assert_fails(Err.BAD_ARGUMENTS, client.delete, path, version)

    def test_paths_that_cannot_be(self):
        client = self.connect()
        for path in ('x', '', '/a\0b'):
            with self.subTest(path=path):
                self.assert_fails(Err.BAD_ARGUMENTS, client.delete, path)

    def test_right_is_on_the_parent(self):
        client = self.client_with_root()
        client.create(self.root + '/c', acl=(Acl(Perms.READ, 'world', 'anyone'),))
        client.set_acl(self.root, (Acl(Perms.ALL & ~Perms.DELETE, 'world', 'anyone'),))
        self.assert_fails(Err.NO_AUTH, client.delete, self.root + '/c')
        self.assert_fails(Err.NO_AUTH, client.delete, self.root + '/missing')
        client.set_acl(self.root, (Acl(Perms.DELETE | Perms.ADMIN, 'world', 'anyone'),))
        client.delete(self.root + '/c')

    def test_ephemeral_can_be_deleted_by_anybody(self):
        owner, other = self.connect(), self.connect()
        owner.create(self.root, flags=Flags.EPHEMERAL)
        other.delete(self.root)
        self.assertEqual(owner.call(records.get_ephemerals()), [])


class Data(ServerCase):

    def test_null_and_empty_data_are_different(self):
        client = self.connect()
        for name, data in (('null', None), ('empty', b'')):
            with self.subTest(data=data):
                path = f'{self.root}-{name}'
                client.create(path, data)
                self.assertEqual(client.get_data(path)[0], data)
                self.assertEqual(client.stat(path).data_length, 0)

    def test_null_and_empty_data_replace_each_other(self):
        client = self.client_with_root()
        for data in (b'x', None, b'', b'y', b'', None):
            with self.subTest(data=data):
                stat = client.set_data(self.root, data)
                self.assertEqual(stat.data_length, len(data or b''))
                self.assertEqual(client.get_data(self.root)[0], data)

    def test_null_data_survives_a_restart(self):
        client = self.connect()
        client.create(self.root, None)
        client.create(self.root + '-empty', b'')
        self.server.restart()
        client = self.connect()
        self.assertIsNone(client.get_data(self.root)[0])
        self.assertEqual(client.get_data(self.root + '-empty')[0], b'')

    def test_all_bytes_pass(self):
        client = self.client_with_root()
        data = bytes(range(256)) * 100
        client.set_data(self.root, data)
        self.assertEqual(client.get_data(self.root)[0], data)
