"""tools/cell, as somebody uses it who plays with an ensemble for the first time."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from kazoo.client import KazooClient

from harness.server import REPOSITORY, topod_binary

DEADLINE_S = 60


class CellTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='cell-')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name) / 'cell'
        self.addCleanup(self.run_cell, 'down')

    def run_cell(self, *words):
        return subprocess.run([sys.executable, REPOSITORY / 'tools' / 'cell', *words,
                               '--dir', str(self.folder)], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False)

    def cell(self, *words):
        """What the command prints; it must succeed."""
        done = self.run_cell(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, *words):
        """What a command complains about that must fail."""
        done = self.run_cell(*words)
        self.assertEqual(done.returncode, 1, done.stdout)
        return done.stderr

    def members(self):
        """(state, role, pid) of each member, by number."""
        rows = [re.split(r' {2,}', line) for line in self.cell('list').splitlines()[1:-1]]
        return {int(row[0]): (row[1], row[2] if row[1] == 'running' else '',
                              int(row[-1]) if row[-1].isdigit() else None) for row in rows}

    def test_a_tour(self):
        hosts = self.cell('up', '3', '--observers', '1', '--binary', str(topod_binary())).strip()
        self.assertEqual(hosts.count(','), 3)
        members = self.members()
        self.assertEqual(sorted(role for _, role, _ in members.values()),
                         ['follower', 'follower', 'leader', 'observer'])
        leader = next(number for number, row in members.items() if row[1] == 'leader')
        client = KazooClient(hosts=hosts, timeout=20)
        client.start(DEADLINE_S)
        self.addCleanup(client.close)
        self.addCleanup(client.stop)
        client.create('/a', b'before')

        self.cell('kill', str(leader))
        self.assertEqual(self.members()[leader][0], 'down')
        self.assertIn('does not run', self.refused('pause', str(leader)))
        self.cell('start', str(leader))
        self.assertEqual(self.members()[leader][:2], ('running', 'follower'))
        self.assertIn('runs already', self.refused('start', str(leader)))

        follower = next(n for n, row in self.members().items() if row[1] == 'follower')
        self.cell('pause', str(follower))
        self.assertEqual(self.members()[follower][0], 'paused')
        self.cell('resume', str(follower))
        self.cell('stop', str(follower))
        self.assertIn('stopped', self.cell('logs', str(follower)))
        self.assertEqual(self.cell('up').strip(), hosts)
        self.assertEqual(client.retry(client.get, '/a')[0], b'before')

        self.assertIn('there is a cell', self.refused('up', '5'))
        self.assertIn('no member 9', self.refused('kill', '9'))
        client.stop()
        pids = [pid for _, _, pid in self.members().values()]
        self.cell('down')
        for pid in pids:
            self.assertFalse(pathlib.Path(f'/proc/{pid}/exe').exists(), f'{pid} is left behind')
        self.assertFalse(self.folder.exists())
        self.assertIn('no cell', self.refused('list'))

    def test_a_cell_that_cannot_start_leaves_nothing_running(self):
        complaint = self.refused('up', '--set', 'tickTime=never', '--binary', str(topod_binary()))
        self.assertIn('tickTime', complaint)
        self.assertEqual({state for state, _, _ in self.members().values()}, {'down'})


if __name__ == '__main__':
    unittest.main()
