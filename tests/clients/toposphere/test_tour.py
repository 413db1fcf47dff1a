"""tools/toposphere, as the README's tour goes through it."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

from kazoo.client import KazooClient

from harness.server import REPOSITORY, topod_binary

DEADLINE_S = 60
SERVERS = 9
HEADER_LINES = 1
TOPOCTL = topod_binary().parents[1] / 'tools' / 'ctl' / 'topoctl'
SHARD = '/vitess/global/keyspaces/customer/shards/-80'
HELD = 6  # topoctl's exit code where a lock is not obtained in time
OLD_PRIMARY, NEW_PRIMARY = ('zone1', 110), ('zone2', 210)


class Tour(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='toposphere-')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / 'toposphere'
        self.addCleanup(self.run_tool, 'down')

    def run_tool(self, *words):
        return subprocess.run([sys.executable, REPOSITORY / 'tools' / 'toposphere', *words,
                               '--dir', str(self.folder)], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False)

    def toposphere(self, *words):
        """What the command prints; it must succeed."""
        done = self.run_tool(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def status(self):
        """The rows of `status`: {(topology, id): (stands in, state, role, pid)}."""
        rows = {}
        for line in self.toposphere('status').splitlines()[HEADER_LINES:]:
            topology, number, site, state, *rest = re.split(r' +', line)
            role = rest[0] if state == 'running' else None
            pid = int(rest[-1]) if state == 'running' else None
            rows[topology, int(number)] = site, state, role, pid
        return rows

    def environment(self):
        """A user's who has done as `up` says."""
        return {name: value for name, value in os.environ.items()
                if not name.startswith('TOPOCTL_')} | {
                    'TOPOCTL_CONFIG': str(self.folder / 'topoctl.conf')}

    def topoctl(self, *words, stdin=None):
        """What it prints; it must succeed."""
        done = subprocess.run([TOPOCTL, *words], input=stdin, capture_output=True, text=True,
                              timeout=DEADLINE_S, env=self.environment(), check=False)
        self.assertEqual(done.returncode, 0, (words, done.stderr))
        return done.stdout

    @contextlib.contextmanager
    def lock(self, path, reason):
        """Holds a lock of the topology meanwhile."""
        # The command under the lock says that it runs, and ends with its input.
        with subprocess.Popen([TOPOCTL, 'lock', path, '--reason', reason, '--', 'sh', '-c',
                               'echo held; cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, env=self.environment()) as holder:
            try:
                self.assertEqual(holder.stdout.readline(), 'held\n')
                yield
                holder.stdin.close()
                self.assertEqual(holder.wait(DEADLINE_S), 0)
            finally:
                holder.kill()

    def record(self, path, cell=None):
        return json.loads(self.topoctl(*(['--cell', cell] if cell else []), 'get', path))

    def change(self, path, cell=None, **fields):
        """Changes fields of a record, if it is still what was read."""
        where = ['--cell', cell] if cell else []
        stat = json.loads(self.topoctl(*where, 'stat', path, '-o', 'json'))
        self.topoctl(*where, 'put', path, '--json', '--version', str(stat['version']),
                     '--file', '-', stdin=json.dumps(self.record(path, cell) | fields))

    def connect(self, hosts):
        client = KazooClient(hosts=hosts, timeout=20)
        client.start(DEADLINE_S)
        self.addCleanup(client.close)
        self.addCleanup(client.stop)
        return client

    def test_a_reparent_before_a_cell_is_lost(self):
        self.toposphere('up', '--binary', str(topod_binary()))
        self.topoctl('cells', '--check')
        self.topoctl('validate')
        tablets = [each['record'] for each in json.loads(self.topoctl('tablets', '-o', 'json'))]
        self.assertEqual(len(tablets), 10)
        of_shard = {(each['alias']['cell'], each['alias']['uid']): each['type']
                    for each in tablets
                    if (each['keyspace'], each['shard']) == ('customer', '-80')}
        self.assertEqual(of_shard, {OLD_PRIMARY: 'PRIMARY', NEW_PRIMARY: 'REPLICA',
                                    ('zone2', 211): 'RDONLY'})
        self.assert_primary(OLD_PRIMARY)

        with self.lock(SHARD, 'planned reparent'):
            (held,) = json.loads(self.topoctl('locks', '-o', 'json'))
            self.assertEqual((held['path'], held['holders'][0]['reason'], held['waiters']),
                             (SHARD, 'planned reparent', []))
            second = subprocess.run([TOPOCTL, 'lock', SHARD, '--timeout', '0', '--', 'true'],
                                    env=self.environment(), capture_output=True, check=False,
                                    timeout=DEADLINE_S)
            self.assertEqual(second.returncode, HELD)
            for (cell, uid), kind in ((OLD_PRIMARY, 'REPLICA'), (NEW_PRIMARY, 'PRIMARY')):
                self.change(f'/vitess/{cell}/tablets/{cell}-{uid:010}/Tablet', cell, type=kind)
            self.change(f'{SHARD}/Shard', primary_alias=dict(zip(('cell', 'uid'), NEW_PRIMARY)))
        self.assertEqual(json.loads(self.topoctl('locks', '-o', 'json')), [])
        self.topoctl('validate')
        self.toposphere('kill', 'zone1')
        self.assert_primary(NEW_PRIMARY)
        self.topoctl('put', '/vitess/global/metadata/lost', 'zone1')

    def assert_primary(self, tablet):
        alias = self.record(f'{SHARD}/Shard')['primary_alias']
        self.assertEqual((alias['cell'], alias['uid']), tablet)
        record = self.record('/vitess/{0}/tablets/{0}-{1:010}/Tablet'.format(*tablet), tablet[0])
        self.assertEqual(record['type'], 'PRIMARY')

    def test_the_loss_of_a_cell(self):
        up = self.toposphere('up', '--binary', str(topod_binary()))
        hosts = dict(line.split() for line in up.splitlines() if ',' in line)
        self.assertEqual(set(hosts), {'global', 'zone1', 'zone2'})
        before = self.status()
        self.assertEqual(len(before), 9)
        for name in hosts:
            roles = sorted(role for (topology, _), (_, _, role, _) in before.items()
                           if topology == name)
            self.assertEqual(roles, ['follower', 'follower', 'leader'], name)
        self.assertEqual({site for (topology, _), (site, *_) in before.items()
                          if topology == 'global'}, {'zone1', 'zone2', 'zone3'})

        whole = self.connect(hosts['global'])
        other = self.connect(hosts['zone2'])
        other.create('/vitess/zone2/alive', b'', ephemeral=True, makepath=True)
        session, changes = other.client_id, []
        other.add_listener(changes.append)
        other_before = {key: row for key, row in before.items() if key[0] == 'zone2'}

        self.toposphere('kill', 'zone1')
        after = self.status()
        self.assertEqual({key for key, row in after.items() if row[1] == 'down'},
                         {('global', 1), ('zone1', 1), ('zone1', 2), ('zone1', 3)})
        # Where a quorum of the global topology stands elsewhere, it goes on.
        whole.retry(whole.ensure_path, '/vitess/global/keyspaces/new')
        self.assertTrue(whole.retry(whole.exists, '/vitess/global/keyspaces/new'))
        # The other cell has not noticed: same processes, same roles, same session.
        self.assertEqual({key: row for key, row in after.items() if key[0] == 'zone2'},
                         other_before)
        other.set('/vitess/zone2/alive', b'still')
        self.assertEqual((other.client_id, changes), (session, []))

        self.toposphere('start', 'zone1')
        self.assertEqual({row[1] for row in self.status().values()}, {'running'})
        other.stop()
        whole.stop()
        pids = [row[3] for row in self.status().values()]
        self.toposphere('down')
        for pid in pids:
            self.assertFalse(pathlib.Path(f'/proc/{pid}/exe').exists(), f'{pid} is left behind')
        self.assertFalse(self.folder.exists())

    def test_what_is_kept_comes_back(self):
        self.assertEqual(self.run_tool('status').returncode, 1)
        first = self.toposphere('up', '--binary', str(topod_binary()))
        self.toposphere('down', '--keep')
        self.assertEqual({row[1] for row in self.status().values()}, {'down'})
        self.assertEqual(self.toposphere('up'), first)

    def test_what_was_not_finished_is_made_anew(self):
        command = [sys.executable, REPOSITORY / 'tools' / 'toposphere', 'up', '--dir', self.folder,
                   '--binary', topod_binary()]
        # It is killed when its servers have been started.
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as begun:
            give_up = time.monotonic() + DEADLINE_S
            while sum(bool(pid.read_text()) for pid in self.folder.glob('*/*/pid')) < SERVERS:
                self.assertIsNone(begun.poll())
                self.assertLess(time.monotonic(), give_up)
            begun.kill()
        self.toposphere('up', '--binary', str(topod_binary()))
        self.topoctl('validate')
        self.assert_primary(OLD_PRIMARY)

    def test_what_is_no_toposphere_is_not_removed(self):
        self.folder.mkdir()
        (self.folder / 'mine').write_text('precious')
        self.assertIn('in use', self.run_tool('up', '--binary', str(topod_binary())).stderr)
        self.assertIn('no cell', self.run_tool('down').stderr)
        self.assertTrue((self.folder / 'mine').exists())


if __name__ == '__main__':
    unittest.main()
