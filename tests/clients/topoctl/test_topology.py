"""topoctl: cells, keyspaces, shards, tablets, and whether their records agree."""

from harness.server import Topod, free_port
from harness.wire import WireClient

from .tool import ToolCase, make_path, run_tool, vitess_records


class Topology(ToolCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with WireClient(cls.server) as client:
            for path, data in vitess_records().items():
                if path.endswith('/CellInfo'):
                    cell = path.split('/')[-2]
                    address = cls.server.address.encode()
                    root = f'/vitess/{cell}'.encode()
                    data = (b'\n' + bytes([len(address)]) + address +
                            b'\x12' + bytes([len(root)]) + root)
                make_path(client, path, data)

    def test_lists_what_there_is(self):
        for command in ('cells', 'keyspaces', 'shards', 'tablets'):
            self.assert_example(command, self.tool(command).out)
            self.assertIsInstance(self.tool(command, '-o', 'json').json, list)
            table = self.tool(command).out.splitlines()
            self.assertEqual(len(self.tool(command, '-o', 'text').out.splitlines()),
                             len(table) - 1)
        self.assert_example('show', self.tool('show', 'customer/-80').out)
        shown = self.tool('show', 'customer', '-o', 'json').json
        self.assertEqual([shard['shard'] for shard in shown['shards']], ['-80', '80-'])
        self.assertEqual(sorted(shown['serving']), ['zone1', 'zone2'])

    def test_chooses(self):
        def aliases(*options):
            return [one['alias'] for one in self.tool('tablets', *options, '-o', 'json').json]
        self.assertEqual(aliases('--type', 'primary'), ['zone1-0000000200'])
        self.assertEqual(aliases('-k', 'customer', '-s', '-80'),
                         ['zone1-0000000102', 'zone2-0000000103'])
        self.assertEqual(len(aliases('--cell', 'zone2')), 3)
        self.assertEqual(len(self.tool('shards', 'customer', '-o', 'json').json), 2)
        self.assertEqual(aliases('-t', 'master'), ['zone1-0000000200'])
        self.assertEqual(aliases('-k', 'customer', '-t', 'drained'), [])
        self.tool('tablets', '-k', 'nonsense', code=4)
        self.tool('tablets', '-k', 'customer', '-s', 'nonsense', code=4)
        self.assertEqual([cell['aliases'] for cell in self.tool('cells', '-o', 'json').json],
                         [['east'], ['east']])
        self.tool('shards', 'nonsense', code=4)
        self.tool('show', 'customer/nonsense', code=4)
        self.tool('--cell', 'nonsense', 'tablets', code=4)
        self.tool('--root', '/nonsense', 'cells', code=4)

    def test_cell_names_its_servers_for_every_command(self):
        self.assertEqual(self.tool('--cell', 'zone1', 'ls', '/vitess/zone1').out.splitlines(),
                         ['SrvVSchema', 'keyspaces', 'tablets'])
        self.assertIn('there is no cell x', self.tool('--cell', 'x', 'ls', '/', code=4).err)

    def test_validate_says_what_does_not_fit(self):
        self.assert_example('validate', self.tool('validate', code=7).out)
        findings = self.tool('validate', '-o', 'json', code=7).json
        self.assertEqual(set(findings[0]), {'severity', 'where', 'what', 'advice'})

    def test_a_cell_is_added_changed_and_deleted(self):
        servers = self.server.address
        self.tool('cell', 'add', 'z', '--cell-servers', servers, '--cell-root', '/vitess/z')
        self.tool('cell', 'add', 'z', '--cell-servers', servers, '--cell-root', '/vitess/z', code=6)
        self.tool('cell', 'update', 'z', '--cell-root', '/vitess/zz', '--version', '5', code=6)
        self.tool('cell', 'update', 'z', '--cell-root', '/vitess/zz')
        cell = [one for one in self.tool('cells', '-o', 'json').json if one['cell'] == 'z'][0]
        self.assertEqual((cell['root'], cell['version']), ('/vitess/zz', 1))
        # A file of Vitess's: nothing can be created below it.
        self.assertEqual(self.tool('stat', '/vitess/global/cells/z/CellInfo', '-o', 'json').json['acl'],
                         ['world:anyone:rwa'])
        self.tool('cells', '--check')
        self.tool('cell', 'delete', 'z')
        self.tool('ls', '/vitess/global/cells/z', code=4)
        self.tool('cell', 'delete', 'z', code=4)
        self.tool('cell', 'delete', 'zone1', code=6)
        nobody = f'127.0.0.1:{free_port()}'
        self.tool('--request-timeout', '0.3', 'cell', 'add', 'y', '--cell-servers', nobody,
                  '--cell-root', '/y', code=3)
        self.tool('ls', '/vitess/global/cells/y', code=4)

    def test_a_cell_that_is_down_is_missed_not_passed_over(self):
        with Topod() as global_server:
            env = {'TOPOCTL_SERVERS': global_server.address}
            nobody = f'127.0.0.1:{free_port()}'
            run_tool('cell', 'add', 'up', '--cell-servers', self.server.address, '--cell-root',
                     '/vitess/zone1', env=env)
            run_tool('cell', 'add', 'down', '--force', '--cell-servers', nobody, '--cell-root', '/d',
                     env=env)
            answer = run_tool('--request-timeout', '1', 'tablets', '-o', 'text', env=env, code=3)
            self.assertEqual(len(answer.out.splitlines()), 4)
            self.assertIn('cell down', answer.err)
            run_tool('--request-timeout', '0.5', 'cells', '--check', env=env, code=7)
            found = run_tool('--request-timeout', '0.5', 'validate', env=env, code=7).out
            self.assertIn('cannot be read', found)
