"""Damage of what was durable: the server does not start and says what would be lost, --verify says
what it found, --discard-damaged goes on without it and keeps the damaged files."""

import subprocess
import tempfile
import unittest

from harness.cases import BASE_CONFIG
from harness.server import Topod
from harness.wire import WireClient

WRITES = 40
DAMAGED_WRITE = 25
INTACT, IN_USE, DAMAGED = 0, 1, 3  # exit statuses


def name(number):
    return f'{number:02}'


def content(number):
    """Long, and not to be found in that of any other."""
    return name(number).encode() * 1500


class DamageTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='damage-')
        self.addCleanup(folder.cleanup)
        # No checkpoint but the one of a stop, so that it is known what the log is needed for.
        self.server = Topod(data_dir=folder.name,
                            config=BASE_CONFIG | {'checkpointIntervalMs': 600_000})
        self.addCleanup(self.server.close)
        self.server.start()
        with WireClient(self.server) as client:
            client.create('/a')
            for number in range(WRITES):
                client.create(f'/a/{name(number)}', content(number))

    def run_topod(self, *options):
        return subprocess.run([self.server.binary, '--data-dir', self.server.data_dir, *options],
                              capture_output=True, text=True, timeout=60, check=False)

    def damage(self, path):
        """Changes one byte of one znode's data."""
        with open(path, 'r+b') as file:
            at = file.read().index(content(DAMAGED_WRITE)[:100])
            file.seek(at + 50)
            file.write(b'!')

    def verify(self, status, *parts):
        done = self.run_topod('--verify')
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for part in parts:
            self.assertIn(part, done.stdout)

    def assert_refused(self, *parts):
        done = self.run_topod('--client-port', '0')
        self.assertEqual(done.returncode, DAMAGED)
        for part in ('topod does not start', '--discard-damaged', *parts):
            self.assertIn(part, done.stderr)

    def start_without(self, kept_file):
        """Starts with the order to discard; the damaged file is kept, the next start needs none."""
        damaged = (self.server.data_dir / kept_file).read_bytes()
        self.server.extra_args = ['--discard-damaged']
        self.server.start()
        self.server.extra_args = []
        kept, = self.server.data_dir.glob(f'damaged-1/**/{kept_file.rpartition("/")[2]}')
        self.assertTrue(kept.read_bytes() == damaged, 'the kept file is not the damaged one')
        self.assertIn('as ordered why="', self.server.log_text())
        self.assertIn(f'kept={self.server.data_dir}/damaged-1', self.server.log_text())
        self.server.restart()
        self.assertTrue(kept.exists())

    def assert_left(self, count):
        with WireClient(self.server) as client:
            self.assertEqual(sorted(client.get_children('/a')),
                             [name(number) for number in range(count)])
            client.create('/a/goes-on')
        self.server.stop()
        self.verify(INTACT, 'verdict   intact\n')

    def test_health(self):
        self.verify(IN_USE, 'is in use by process')
        self.server.kill()
        self.verify(INTACT, 'all rows intact', f'{WRITES + 3} transactions', 'verdict   intact\n')
        self.server.start()
        self.assert_left(WRITES)

    def test_of_the_log(self):
        self.server.kill()
        segment = 'wal/0000000000000001.seg'
        self.damage(self.server.data_dir / segment)
        lost = 'Transactions after 0x1000000001c that the stored tree does not hold would be lost'
        self.verify(DAMAGED, 'log       DAMAGED: the log is damaged at segment 1 offset', lost,
                    'verdict   DAMAGED\n')
        self.assert_refused('the log is damaged at segment 1 offset', lost)
        self.start_without(segment)
        self.assert_left(DAMAGED_WRITE)

    def test_of_the_tree(self):
        self.server.stop()
        self.damage(self.server.data_dir / 'tree.1/data.mdb')
        self.verify(DAMAGED, 'tree.1    DAMAGED: ', 'its hash is wrong', 'verdict   DAMAGED\n')
        self.assert_refused('data.mdb', 'its hash is wrong',
                            'The log reaches back to an empty tree and can do without it')
        self.start_without('tree.1/data.mdb')
        self.assert_left(WRITES)


if __name__ == '__main__':
    unittest.main()
