"""A follower that was away for many writes, and one whose disk was wiped, while writes go on.

CATCH_UP_WRITES says how many (20,000; the full check has 1,000,000). With FIGURES=1 the time it
took, the memory it needed and what the others' writers felt is printed.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import unittest

from harness.ensemble import Ensemble
from harness.server import topod_binary

WRITES = int(os.environ.get('CATCH_UP_WRITES', '20000'))
CATCH_UP_DEADLINE = 60 + WRITES / 5_000
PACE = 1_000  # writes per second while somebody catches up


def write(members, seconds, *options):
    """topobench's report of writes to these members for so long."""
    topobench = topod_binary().parents[1] / 'tools/bench/topobench'
    done = subprocess.run(
        [topobench, 'writes', '--servers', ','.join(member.address for member in members),
         '--seconds', str(seconds), '--warmup', '0', '--json', '--keep', *map(str, options)],
        capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f'topobench: {done.stderr}')
    return json.loads(done.stdout)


class PacedWriter(threading.Thread):
    """Writes at a steady pace, a second at a time, until told to stop; keeps the worst p99."""

    def __init__(self, members):
        super().__init__()
        self.members = members
        self.ends = threading.Event()
        self.p99_us = []
        self.error = None

    def run(self):
        try:
            while not self.ends.is_set() or not self.p99_us:
                report = write(self.members, 1, '--rate', PACE)
                self.p99_us.append(report['latency_us']['p99'])
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            self.error = error

    def finish(self):
        self.ends.set()
        self.join()
        if self.error:
            raise self.error
        return max(self.p99_us)


class CatchUpTest(unittest.TestCase):

    def test_after_many_writes_and_with_a_wiped_disk(self):
        with Ensemble(3) as ensemble:
            leader = ensemble.leader()
            away, other = ensemble.others(leader)
            writer = PacedWriter([leader, other])
            writer.start()
            before_us = writer.finish()
            away.kill()
            missed = self.write_many(leader, other)
            behind = self.catch_up(leader, away, other)
            away.kill()
            self.wipe(away.data_dir)
            wiped = self.catch_up(leader, away, other)
            self.assert_same(ensemble)
            if os.environ.get('FIGURES') == '1':
                print(f'\np99 of {PACE} writes a second before: {before_us} us\n'
                      f'{missed} writes behind: {behind}\nwiped disk: {wiped}', file=sys.stderr)

    def write_many(self, leader, other):
        """At least WRITES more transactions than before; how many more."""
        first = leader.zxid()
        for _ in range(1_000):
            write([leader, other], 1, '--connections', 64, '--window', 16)
            if leader.zxid() - first >= WRITES:
                return leader.zxid() - first
        raise AssertionError('so many writes take too long')

    @staticmethod
    def wipe(data_dir):
        for path in sorted(data_dir.rglob('*'), reverse=True):
            if path.name == 'myid':
                continue
            path.rmdir() if path.is_dir() else path.unlink()

    def catch_up(self, leader, away, other):
        """Starts the member; returns how long it took and what it cost, in words."""
        writer = PacedWriter([leader, other])
        writer.start()
        self.addCleanup(writer.ends.set)
        started = time.monotonic()
        away.launch()
        Ensemble.await_that(lambda: away.mode() and leader.zxid() - away.zxid() < PACE // 2,
                            'it has caught up', CATCH_UP_DEADLINE)
        seconds = time.monotonic() - started
        peak = re.search(r'VmHWM:\s+(\d+) kB', pathlib.Path(f'/proc/{away.pid}/status').read_text())
        p99_us = writer.finish()
        return f'{seconds:.2f} s, peak {int(peak[1]) // 1024} MiB, p99 of the writes {p99_us} us'

    def assert_same(self, ensemble):
        Ensemble.await_that(lambda: len({member.zxid() for member in ensemble.members}) == 1,
                            'all are at the same transaction')
        for name in ('znode_count', 'approximate_data_size'):
            values = {member.figures().get(name) for member in ensemble.members}
            self.assertEqual(len(values), 1, name)


if __name__ == '__main__':
    unittest.main()
