"""topoctl: the servers themselves, and backups of them."""

import os
import pathlib
import subprocess
import tempfile
import threading
import time

from harness import records
from harness.ensemble import Ensemble
from harness.server import Topod, free_port
from harness.wire import WireClient, server_zxid

from .tool import ToolCase, make_path, run_tool


class OneServer(ToolCase):

    def test_words_are_passed_on(self):
        self.assertEqual(self.tool('four', 'ruok').out, 'imok\n')
        self.assertIn('zk_znode_count\t', self.tool('four', 'mntr').out)
        self.assertEqual(self.tool('four', 'ruok', '-o', 'json').json,
                         {self.server.address: 'imok'})
        self.tool('four', 'nonsense', code=2)
        self.assertIn('does not know', self.tool('four', 'xxxx', code=1).err)
        self.tool('four', 'wchp')
        both = f'{self.server.address},127.0.0.1:{free_port()}'
        self.assertIn('imok', run_tool('--servers', both, 'four', 'ruok', code=3).out)

    def test_status_and_doctor_of_one_server(self):
        status = self.tool('status', '-o', 'json').json[0]
        self.assertEqual((status['role'], status['lag'], status['answers']),
                         ('standalone', 0, True))
        self.assertIn('it is one server', self.tool('doctor', code=7).out)
        nobody = f'127.0.0.1:{free_port()}'
        run_tool('--servers', nobody, '--request-timeout', '0.5', 'status', code=3)
        run_tool('--servers', nobody, '--request-timeout', '0.5', 'doctor', code=3)


class Members(ToolCase):

    @classmethod
    def setUpClass(cls):
        cls.ensemble = Ensemble(3, config={'cell.1': 'a', 'cell.2': 'b', 'cell.3': 'b',
                                           '4lw.commands.whitelist': '*',
                                           'maxSessionTimeout': 60000})
        cls.addClassCleanup(cls.ensemble.close)
        cls.ensemble.start()
        cls.ensemble.await_all_serve()
        cls.server = cls.ensemble[1]

    def setUp(self):
        pass

    def test_1_status_shows_every_member(self):
        members = run_tool('--servers', self.ensemble.hosts, 'status', '-o', 'json').json
        self.assertEqual([one['id'] for one in members], [1, 2, 3])
        self.assertEqual([one['cell'] for one in members], ['a', 'b', 'b'])
        self.assertEqual(sorted(one['role'] for one in members),
                         ['follower', 'follower', 'leader'])
        self.assertEqual([one['lag'] for one in members], [0, 0, 0])
        self.assertTrue(all(one['diskFreeBytes'] > 0 for one in members))

    def test_2_doctor_knows_what_a_cell_may_cost(self):
        found = run_tool('--servers', self.ensemble.hosts, 'doctor', '-o', 'json', code=7).json
        problems = [one for one in found if one['severity'] == 'problem']
        self.assertEqual([(one['where'], one['what']) for one in problems],
                         [('cell b', 'the ensemble does not survive its loss: 2 of 3 voters stand '
                                     'in it')])
        self.assertIn('any one of its 3 voters may fail now', str(found))
        self.assertIn('those of the members agree', str(found))

    def test_3_a_member_that_is_down_is_found(self):
        self.ensemble[2].kill()
        status = run_tool('--servers', self.ensemble.hosts, 'status', '-o', 'json', code=7).json
        self.assertEqual([one['answers'] for one in status], [True, False, True])
        found = run_tool('--servers', self.ensemble.hosts, 'doctor', '-o', 'text', code=7).out
        self.assertIn('it does not serve', found)
        self.assertIn('the loss of one more voter would stop it', found)
        self.assertNotIn('survives the loss', found)
        self.assertIn('cell b\t', found)

    def test_4_members_without_a_quorum_run_but_do_not_serve(self):
        self.ensemble[3].kill()
        left = self.ensemble[1]
        deadline = time.monotonic() + 60
        while True:
            status = run_tool('--servers', left.address, 'status', '-o', 'json', code=7).json
            if status[0]['role'] == '':
                break
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertEqual((status[0]['answers'], status[0]['runs']), (False, True))
        self.assertIn('not serving', run_tool('--servers', left.address, 'status', code=7).out)
        found = run_tool('--servers', left.address, 'doctor', code=7).out
        self.assertIn('the ensemble has no quorum: 1 of 3 members run', found)


class Backups(ToolCase):

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='topoctl-'))
        self.addCleanup(subprocess.run, ['rm', '-rf', self.folder])

    def test_a_backup_under_write_load_restores_to_exactly_the_state_of_its_zxid(self):
        writers = [Writer(self.server, number) for number in range(3)]
        for writer in writers:
            writer.start()
        self.addCleanup(lambda: [writer.end() for writer in writers])
        manifests = []
        begun = server_zxid(self.server)
        deadline = time.monotonic() + 30
        while len(manifests) < 2:
            self.assertLess(time.monotonic(), deadline)
            backup = self.folder / f'backup{time.monotonic_ns()}'
            manifest = self.tool('backup', '--data-dir', self.server.data_dir, backup,
                                 '-o', 'json').json
            # A checkpoint may be a second old; each of these is to be another one.
            if int(manifest['zxid'], 16) > begun:
                manifests.append((backup, manifest))
                begun = int(manifest['zxid'], 16)
        for writer in writers:
            writer.end()
        for backup, manifest in manifests:
            self.check_restored(backup, int(manifest['zxid'], 16), writers)

    def check_restored(self, backup, zxid, writers):
        data = self.folder / f'{backup.name}-restored'
        self.tool('restore', backup, '--data-dir', data)
        with Topod(data_dir=data) as restored, WireClient(restored) as client:
            self.assertGreaterEqual(server_zxid(restored), zxid)
            checked = 0
            for writer in writers:
                expected = {}
                for path, value, stat in writer.written:
                    if stat.mzxid <= zxid:
                        expected[path] = (value, stat.mzxid, stat.version)
                for path in writer.paths:
                    value, stat = client.get_data(path)
                    self.assertLessEqual(stat.mzxid, zxid)
                    if path in expected:
                        self.assertEqual((value, stat.mzxid, stat.version), expected[path])
                        checked += 1
            self.assertGreater(checked, 0)
            run_tool('diff', f'file:{backup}', '/', env={'TOPOCTL_SERVERS': restored.address})
            # It goes on from there.
            self.assertGreater(client.set_data(writers[0].paths[0], b'on').mzxid, zxid)

    def test_acls_and_kinds_come_back(self):
        client = self.client()
        client.auth('digest', b'u:p')
        client.create('/closed', b'secret', (records.Acl(31, 'auth', ''),))
        client.create_ttl('/ttl', 10**9, b'')
        client.set_data('/closed', b'secret2')
        backup = self.folder / 'b'
        deadline = time.monotonic() + 20
        while True:
            self.tool('backup', '--data-dir', self.server.data_dir, backup)
            zxid = int(self.tool('restore', '--check', backup, '-o', 'json').json['zxid'], 16)
            if zxid >= client.last_zxid or time.monotonic() > deadline:
                break
            subprocess.run(['rm', '-rf', backup], check=True)
        data = self.folder / 'restored'
        self.tool('restore', backup, '--data-dir', data)
        with Topod(data_dir=data) as restored, WireClient(restored) as reader:
            self.assertEqual(reader.exchange(records.get_data('/closed')).err, -102)
            reader.auth('digest', b'u:p')
            value, stat = reader.get_data('/closed')
            self.assertEqual((value, stat.version), (b'secret2', 1))

    def test_what_is_damaged_or_no_backup_is_refused(self):
        backup = self.folder / 'b'
        self.tool('backup', '--data-dir', self.server.data_dir, backup)
        self.tool('backup', '--data-dir', self.server.data_dir, backup, code=6)
        self.tool('backup', '--data-dir', self.folder / 'nothing', self.folder / 'x', code=1)
        self.tool('restore', backup, code=2)
        self.tool('restore', backup, '--data-dir', self.server.data_dir, code=6)
        self.tool('restore', self.folder, '--check', code=4)
        tree = backup / 'tree' / 'data.mdb'
        content = bytearray(tree.read_bytes())
        content[len(content) // 2] ^= 1
        tree.write_bytes(content)
        self.tool('restore', '--check', backup, code=1)
        self.tool('restore', backup, '--data-dir', self.folder / 'new', code=1)
        self.assertFalse((self.folder / 'new').exists())
        self.tool('import', self.folder, '/', code=4)

    def test_a_backup_that_is_killed_holds_nothing_up(self):
        process = subprocess.Popen([os.environ.get('TOPOCTL') or self.binary(), 'backup',
                                    '--data-dir', self.server.data_dir, self.folder / 'b'],
                                   stdout=subprocess.DEVNULL)
        process.kill()
        process.wait()
        client = self.client()
        make_path(client, '/after', b'x')
        self.tool('backup', '--data-dir', self.server.data_dir, self.folder / 'b')

    @staticmethod
    def binary():
        from .tool import topoctl_binary
        return topoctl_binary()


class Writer(threading.Thread):
    """Writes as fast as it can and remembers what each write became."""

    WINDOW = 200

    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.client = WireClient(server)
        self.paths = [f'/load{number}/{i}' for i in range(40)]
        self.written = []
        self._ended = threading.Event()
        make_path(self.client, f'/load{number}')
        for path in self.paths:
            make_path(self.client, path, b'start')

    def run(self):
        count = 0
        while not self._ended.is_set():
            batch = []
            for _ in range(self.WINDOW):
                count += 1
                batch.append((self.paths[count * 7 % len(self.paths)], str(count).encode()))
            xids = self.client.send_all([records.set_data(path, value) for path, value in batch])
            for xid, (path, value) in zip(xids, batch):
                reply = self.client.receive_reply(xid)
                stat = records.decode_body(records.set_data('/', b'').op, reply.body)
                self.written.append((path, value, stat))

    def end(self):
        self._ended.set()
        if self.is_alive():
            self.join(30)
        self.client.close()
