"""topoctl: znodes, exports, what differs."""

import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

from harness import records
from harness.codes import Perms
from harness.records import Acl
from harness.server import Topod
from harness.wire import four_letter

from .tool import ToolCase, make_path, run_tool, topoctl_binary, vitess_records


class Data(ToolCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from harness.wire import WireClient
        with WireClient(cls.server) as client:
            for path, data in vitess_records().items():
                make_path(client, path, data)
            make_path(client, '/odd/binary', b'\xff\x00\x01\x1b[31m')
            make_path(client, '/odd/text', 'grüße\n'.encode())
            make_path(client, '/odd/nothing', None)

    def test_lists_and_trees(self):
        self.assert_example('ls', self.tool('ls', '/vitess/global').out)
        self.assert_example('ls_long', self.tool('ls', '-l', '/odd').out)
        self.assert_example('tree', self.tool('tree', '--values', '/vitess/global').out)
        self.assertEqual(self.tool('ls', '/vitess/', '-o', 'json').json,
                         ['global', 'zone1', 'zone2'])
        tree = self.tool('tree', '-o', 'json', '--depth', '1', '/vitess').json
        self.assertEqual([child['path'] for child in tree['children']],
                         ['/vitess/global', '/vitess/zone1', '/vitess/zone2'])
        self.assertIn('/odd/binary\n', self.tool('tree', '-o', 'text', '/').out)

    def test_every_record_of_vitess_is_decoded_and_written_back_the_same(self):
        decoded = {}
        exported = self.tool('export', '--decode', '/vitess').json
        for node in exported['znodes']:
            path = '/vitess' + node['path']
            if path in vitess_records():
                self.assertEqual(node['encoding'], 'record', path)
                self.assertNotIn('@unknown', json.dumps(node), path)
                decoded[path] = node['value']
        self.assertEqual(decoded.keys(), vitess_records().keys())
        self.assert_example('records.json', json.dumps(decoded, indent=1, sort_keys=True) + '\n')
        self.tool('import', '-', '/again', stdin=json.dumps(exported).encode())
        for path in vitess_records():
            again = self.tool('get', path.replace('/vitess', '/again', 1), '-o', 'json').json
            self.assertEqual(again['value'], decoded[path])
        self.tool('rm', '-r', '/again')

    def test_gets_whatever_a_znode_holds(self):
        path = '/vitess/zone1/tablets/zone1-0000000200/Tablet'
        self.assert_example('get_tablet', self.tool('get', path).out)
        self.assertEqual(self.tool('get', '--raw', path).stdout, vitess_records()[path])
        self.assert_example('get_binary', self.tool('get', '/odd/binary').out)
        self.assertEqual(self.tool('get', '--raw', '/odd/binary').stdout, b'\xff\x00\x01\x1b[31m')
        self.assertEqual(self.tool('get', '/odd/text').out, 'grüße\n')
        self.assertEqual(self.tool('get', '/odd/nothing', '-o', 'json').json['encoding'], 'null')
        binary = self.tool('get', '/odd/binary', '-o', 'json').json
        self.assertEqual((binary['encoding'], binary['value']), ('base64', '/wABG1szMW0='))
        self.assert_example('stat', self.tool('stat', '/odd/text').out)
        self.tool('get', '/odd/text', '--type', 'Nonsense', code=2)
        self.tool('get', '/odd/binary', '--type', 'Tablet', code=1)

    def test_puts_creates_updates_and_minds_versions(self):
        self.assertIn('created', self.tool('put', '/put/a/b', 'one').out)
        self.assertIn('version 1', self.tool('put', '/put/a/b', 'two').out)
        self.tool('put', '--create', '/put/a/b', 'x', code=6)
        self.tool('put', '--version', '0', '/put/a/b', 'x', code=6)
        self.tool('put', '--version', '1', '/put/a/b', 'three')
        self.tool('put', '--update', '/put/none', 'x', code=4)
        self.tool('put', '-f', '-', '/put/stdin', stdin=b'\x00\xff')
        self.assertEqual(self.tool('get', '--raw', '/put/stdin').stdout, b'\x00\xff')
        made = self.tool('put', '--sequential', '/put/seq-', 'x', '-o', 'json').json['path']
        self.assertRegex(made, r'^/put/seq-\d{10}$')
        self.tool('put', '--acl', 'world:anyone:r', '/put/fixed', 'x')
        self.tool('put', '/put/fixed', 'y', code=5)
        self.tool('put', '--acl', 'nonsense', '/put/other', 'y', code=2)
        self.tool('put', '--mode', 'ttl', '--ttl', '60000', '/put/ttl', 'x')
        self.tool('put', '--mode', 'container', '/put/container')

    def test_a_record_is_put_and_edited_as_json(self):
        path = '/edit/cells/z/CellInfo'
        self.tool('put', '--json', path, '{"server_address": "h:1", "root": "/z"}')
        self.assertEqual(self.tool('get', '--raw', path).stdout, b'\n\x03h:1\x12\x02/z')
        self.tool('put', '--json', path, '{"address": "h:1"}', code=2)
        self.tool('put', '--json', path, 'no json', code=2)
        self.tool('put', '--json', '/edit/x', '{}', code=2)
        self.tool('edit', path, env={'EDITOR': 'sed -i s/h:1/h:2/'})
        value = self.tool('get', path, '-o', 'json').json
        self.assertEqual((value['value'], value['stat']['version']),
                         ({'server_address': 'h:2', 'root': '/z'}, 1))
        self.assertIn('left as it was', self.tool('edit', path, env={'EDITOR': 'true'}).out)
        self.tool('edit', path, env={'EDITOR': 'sed -i s/root/rot/'}, code=2)
        self.tool('edit', path, env={'EDITOR': 'false'}, code=1)
        overtake = f'{topoctl_binary()} put --json {path} "{{}}"; sed -i s/h:2/h:3/'
        self.tool('edit', path, env={'EDITOR': overtake}, code=6)
        self.tool('edit', '/odd/binary', env={'EDITOR': 'true'}, code=2)

    def test_removes(self):
        self.tool('put', '/gone/a/b', 'x')
        self.assertIn('-r removes them', self.tool('rm', '/gone', code=6).err)
        self.tool('rm', '--version', '7', '/gone/a/b', code=6)
        dry = self.tool('rm', '-r', '--dry-run', '/gone', '-o', 'json').json
        self.assertEqual(dry, {'wouldRemove': ['/gone/a/b', '/gone/a', '/gone']})
        self.assertEqual(self.tool('rm', '-r', '/gone', '-o', 'json').json['znodes'], 3)
        self.tool('rm', '-r', '/gone', code=4)
        self.tool('rm', '-r', '/', code=2)
        self.tool('rm', '-r', '/zookeeper/quota', code=2)

    def test_finds_and_measures(self):
        found = self.tool('find', '/vitess', '--type', 'tablet', '--contains', 'customer').out
        self.assertEqual(found.splitlines(), [
            f'/vitess/zone{zone}/tablets/zone{zone}-0000000{uid}/Tablet'
            for zone, uid in ((1, 102), (1, 104), (2, 103), (2, 105))])
        owner = self.client()
        owner.create('/odd/ephemeral', b'', flags=1)
        self.assertEqual(self.tool('find', '/', '--ephemeral').out, '/odd/ephemeral\n')
        session = hex(owner.session_id)
        self.assertEqual(self.tool('find', '/', '--session', session).out, '/odd/ephemeral\n')
        self.assertEqual(self.tool('find', '/odd', '--name', 'b*y').out, '/odd/binary\n')
        self.assertEqual(self.tool('find', '/vitess', '--larger', '300').out,
                         '/vitess/zone1/SrvVSchema\n/vitess/zone2/SrvVSchema\n')
        self.assert_example('du', self.tool('du', '/vitess', '--depth', '2', '--top', '5').out)
        owner.call(records.close_session())

    def test_watches_as_it_happens(self):
        self.tool('put', '/watched/a', 'one')
        process = subprocess.Popen(
            [topoctl_binary(), '--servers', self.server.address, 'watch', '-r', '/watched',
             '-n', '3', '--timeout', '30', '-o', 'json'], stdout=subprocess.PIPE)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 30
        while '\t1 paths' not in self.watches() and time.monotonic() < deadline:
            time.sleep(0.01)
        client = self.client()
        client.set_data('/watched/a', b'two')
        first = json.loads(process.stdout.readline())
        client.create('/watched/b', b'')
        client.delete('/watched/b')
        lines = [first] + [json.loads(line) for line in process.communicate(timeout=30)[0].splitlines()]
        self.assertEqual([(line['event'], line['path']) for line in lines],
                         [('changed', '/watched/a'), ('created', '/watched/b'),
                          ('deleted', '/watched/b')])
        self.assertEqual((lines[0]['value'], lines[0]['version']), ('two', 1))
        self.assertEqual(process.returncode, 0)

    def test_a_watch_says_that_its_server_died_and_shows_what_was_missed(self):
        with Topod(config=self.config) as server:
            env = {'TOPOCTL_SERVERS': server.address}
            run_tool('put', '/watched/a', 'one', env=env)
            process = subprocess.Popen(
                [topoctl_binary(), '--servers', server.address, 'watch', '-r', '/watched', '-n', '2',
                 '--timeout', '50', '-o', 'json'], stdout=subprocess.PIPE)
            self.addCleanup(process.kill)
            deadline = time.monotonic() + 30
            while 'Total watches:1' not in four_letter(server, 'wchs'):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            server.restart(graceful=False)
            run_tool('put', '/watched/a', 'two', env=env)
            run_tool('put', '/watched/b', 'new', env=env)
            lines = [json.loads(line) for line in process.communicate(timeout=60)[0].splitlines()]
            self.assertIn('interrupted', [line['event'] for line in lines])
            seen = {(line['event'], line['path']) for line in lines}
            self.assertIn(('changed', '/watched/a'), seen)

    def watches(self):
        text = four_letter(self.server, 'wchs')
        return '\t1 paths' if 'Total watches:1' in text else text

    def test_colour_only_where_it_is_wished(self):
        self.assertNotIn('\x1b', self.tool('ls', '-l', '/odd', '--color', 'auto').out)
        self.assertIn('\x1b[1m', self.tool('ls', '-l', '/odd', '--color', 'always').out)


class Copies(ToolCase):

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='topoctl-'))
        self.addCleanup(subprocess.run, ['rm', '-rf', self.folder])
        self.tool('put', '/source/a/deep', 'one')
        client = self.client()
        make_path(client, '/source/b', b'\xff\x00')
        make_path(client, '/source/with space@x', None)
        client.exchange(records.create('/source/fixed', b'f', (Acl(Perms.READ, 'world', 'anyone'),)))
        self.addCleanup(self.tool, 'rm', '-r', '/source')

    def test_an_export_imported_is_the_same_in_both_forms(self):
        self.client().create('/source/ephemeral', b'', flags=1)
        for options, name in ((['--dir'], 'folder'), ([], 'file.json')):
            done = self.tool('export', '/source', self.folder / name, *options, '-o', 'json').json
            self.assertTrue(done['atOneZxid'])
            self.assertEqual(done['znodes'], 7)
            plan = self.tool('import', self.folder / name, '/target', '--dry-run', '-o', 'json').json
            self.assertEqual([step['step'] for step in plan['steps']], ['create'] * 6)
            self.assertEqual(plan['ephemeralsLeftOut'], 1)
            self.tool('get', '/target', code=4)
            self.tool('import', self.folder / name, '/target')
            self.assertEqual(self.tool('diff', '/source', '/target', '-o', 'json').json, [])
            self.tool('diff', f'file:{self.folder / name}', '/target')
            self.tool('rm', '-r', '/target')
        self.tool('export', '/source', self.folder / 'folder', '--dir', code=6)

    def test_an_export_goes_through_what_is_no_plain_file(self):
        plain = self.tool('export', '/source').json['znodes']
        pipe = self.folder / 'pipe'
        os.mkfifo(pipe)
        reader = subprocess.Popen(['cat', pipe], stdout=subprocess.PIPE)
        self.tool('export', '/source', pipe)
        self.assertEqual(json.loads(reader.communicate(timeout=60)[0])['znodes'], plain)
        self.assertTrue(pipe.is_fifo())
        link = self.folder / 'link'
        link.symlink_to('target.json')
        self.tool('export', '/source', link)
        self.assertTrue(link.is_symlink())
        self.assertEqual(json.loads((self.folder / 'target.json').read_text())['znodes'], plain)
        self.assertEqual(self.tool('export', '/source', '/dev/stdout').json['znodes'], plain)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ['link', 'pipe', 'target.json'])

    def test_an_import_does_not_overwrite_unless_told_to(self):
        self.tool('export', '/source', self.folder / 'x.json')
        self.tool('copy', '/source', '/target')
        self.addCleanup(self.tool, 'rm', '-r', '/target')
        self.tool('put', '/target/a/deep', 'two')
        self.tool('put', '/target/extra', 'x')
        self.tool('import', self.folder / 'x.json', '/target', code=6)
        self.assertEqual(self.tool('get', '/target/a/deep').out, 'two\n')
        self.assert_example('diff', self.tool('diff', '/source', '/target', code=7).out)
        self.tool('import', self.folder / 'x.json', '/target', '--overwrite', '--delete')
        self.tool('diff', '/source', '/target')

    def test_copies_between_servers(self):
        from harness.server import Topod
        with Topod() as other:
            target = f'{other.address}/vitess'
            self.tool('copy', '/source', target)
            self.tool('diff', '/source', target)
            run_tool('put', '/vitess/a', 'x', env={'TOPOCTL_SERVERS': other.address})
            found = self.tool('diff', '-q', '/source', target, '-o', 'json', code=7).json
            self.assertEqual([(one['path'], one['difference']) for one in found], [('/a', 'data')])

    def test_what_is_no_export_is_refused(self):
        bad = self.folder / 'bad.json'
        for text in ('', '{}', '[]', '{"format": "topoctl export 1", "znodes": [{}]}'):
            bad.write_text(text)
            self.tool('import', bad, code=2)
        self.tool('import', self.folder / 'none.json', code=4)

    def test_an_export_is_of_one_zxid_while_others_write(self):
        # Two znodes that are always written together are never seen apart.
        client = self.client()
        self.tool('put', '/source/pair/x', '0')
        self.tool('put', '/source/pair/y', '0')
        writer = subprocess.Popen(
            ['/usr/bin/python3', '-c', WRITER, str(self.server.port)],
            cwd=pathlib.Path(__file__).resolve().parents[1], stdout=subprocess.PIPE)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        writer.stdout.readline()
        seen = set()
        for _ in range(20):
            export = self.tool('export', '/source').json
            values = {node['path']: node['value'] for node in export['znodes']}
            self.assertTrue(export['atOneZxid'])
            self.assertEqual(values['/pair/x'], values['/pair/y'])
            seen.add(values['/pair/x'])
        self.assertGreater(len(seen), 1)
        client.ping()


WRITER = '''
import sys
from harness import records
from harness.wire import WireClient
class Server:
    host, port = '127.0.0.1', int(sys.argv[1])
client = WireClient(Server)
number = 0
while True:
    number += 1
    data = str(number).encode()
    client.multi(records.set_data('/source/pair/x', data), records.set_data('/source/pair/y', data))
    if number == 10:
        print('writing', flush=True)
'''


class Many(ToolCase):

    def test_a_hundred_thousand_children(self):
        client = self.client()
        client.create('/many', b'')
        for begin in range(0, 100_000, 2_000):
            client.multi(*(records.create(f'/many/{i:06}', b'x')
                           for i in range(begin, begin + 2_000)))
        names = self.tool('ls', '/many').out.splitlines()
        self.assertEqual(len(names), 100_000)
        self.assertEqual(names[-1], '099999')
        self.assertEqual(len(self.tool('ls', '-l', '/many', '-o', 'text').out.splitlines()),
                         100_000)
        self.assertEqual(self.tool('du', '/many', '-d', '0', '-o', 'json').json[0]['bytes'], 100_000)
        self.assertEqual(self.tool('rm', '-r', '/many', '-o', 'json').json['znodes'], 100_001)


if __name__ == '__main__':
    unittest.main()
