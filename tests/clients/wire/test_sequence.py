"""The numbers of sequential nodes: what counts, what does not, how they print."""

from harness import records
from harness.cases import ServerCase
from harness.codes import Err, Flags, Op

SEQUENTIAL, EPHEMERAL_SEQUENTIAL = Flags.SEQUENTIAL, Flags.EPHEMERAL_SEQUENTIAL


class Sequence(ServerCase):

    def number(self, client, prefix='/s-', flags=SEQUENTIAL):
        """Creates one sequential child of the root; its number as text."""
        path = client.create(self.root + prefix, flags=flags)
        self.assertTrue(path.startswith(self.root + prefix))
        return path[len(self.root + prefix):]

    def test_numbers_count_from_zero_with_ten_digits(self):
        client = self.client_with_root()
        self.assertEqual([self.number(client) for _ in range(3)],
                         ['0000000000', '0000000001', '0000000002'])

    def test_all_operations_tell_the_final_path(self):
        client = self.client_with_root()
        path, stat = client.create2(self.root + '/s-', flags=SEQUENTIAL)
        self.assertEqual(path, self.root + '/s-0000000000')
        self.assertEqual(client.stat(path), stat)
        path, _ = client.create_ttl(self.root + '/t-', 100000, flags=Flags.SEQUENTIAL_TTL)
        self.assertEqual(path, self.root + '/t-0000000001')
        result = client.multi(records.create(self.root + '/m-', flags=SEQUENTIAL))[0]
        self.assertEqual((result.type, result.value), (Op.CREATE, self.root + '/m-0000000002'))

    def test_one_counter_serves_all_prefixes_and_modes(self):
        client = self.client_with_root()
        self.assertEqual(self.number(client, '/a-'), '0000000000')
        self.assertEqual(self.number(client, '/b-', EPHEMERAL_SEQUENTIAL), '0000000001')
        self.assertEqual(self.number(client, '/a-', EPHEMERAL_SEQUENTIAL), '0000000002')

    def test_plain_creations_count(self):
        client = self.client_with_root()
        client.create(self.root + '/x')
        client.create_container(self.root + '/y')
        self.assertEqual(self.number(client), '0000000002')

    def test_deletions_do_not_turn_the_counter_back(self):
        client = self.client_with_root()
        for _ in range(3):
            client.delete(f'{self.root}/s-{self.number(client)}')
        self.assertEqual(self.number(client), '0000000003')

    def test_failed_creations_do_not_count(self):
        client = self.client_with_root()
        client.create(self.root + '/x')
        self.assert_fails(Err.NODE_EXISTS, client.create, self.root + '/x')
        self.assert_fails(Err.INVALID_ACL, client.create, self.root + '/s', acl=(),
                          flags=SEQUENTIAL)
        self.assertEqual(self.number(client), '0000000001')

    def test_rolled_back_multi_does_not_count(self):
        client = self.client_with_root()
        results = client.multi(records.create(self.root + '/s-', flags=SEQUENTIAL),
                               records.create(self.root + '/s-', flags=SEQUENTIAL),
                               records.check(self.root, 99))
        self.assertEqual([result.err for result in results], [0, 0, Err.BAD_VERSION])
        self.assertEqual(self.number(client), '0000000000')

    def test_numbers_within_a_multi_follow_each_other(self):
        client = self.client_with_root()
        results = client.multi(*[records.create(self.root + '/s-', flags=SEQUENTIAL)] * 3)
        self.assertEqual([result.value[-1] for result in results], ['0', '1', '2'])

    def test_path_that_ends_in_a_slash_makes_names_of_digits(self):
        client = self.client_with_root()
        for _ in range(3):
            client.create(self.root + '/x', flags=SEQUENTIAL)
        self.assertEqual(client.create(self.root + '/', flags=SEQUENTIAL),
                         self.root + '/0000000003')

    def test_counter_dies_with_its_node(self):
        client = self.client_with_root()
        client.delete(f'{self.root}/s-{self.number(client)}')
        client.delete(self.root)
        client.create(self.root)
        self.assertEqual(self.number(client), '0000000000')

    def test_taken_name_is_an_existing_node(self):
        client = self.client_with_root()
        client.create(self.root + '/s-0000000001')
        self.assert_fails(Err.NODE_EXISTS, client.create, self.root + '/s-', flags=SEQUENTIAL)

    def test_counter_survives_a_restart(self):
        client = self.client_with_root()
        client.delete(f'{self.root}/s-{self.number(client)}')
        self.server.restart()
        self.assertEqual(self.number(self.connect()), '0000000001')

    def test_watchers_are_matched_on_the_final_path(self):
        client = self.client_with_root()
        final = self.root + '/s-0000000000'
        self.assert_fails(Err.NO_NODE, client.exists, final, watch=True)
        client.create(self.root + '/s-', flags=SEQUENTIAL)
        self.assert_events(client, (1, final))
