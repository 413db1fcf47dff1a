"""The C client library: a program of ours makes all its calls and checks codes, Stats and events.

The program is built by meson; it is found in the build folder of the topod under test, or in the one
that the environment variable BUILD names. Each of its groups of checks is a test here, each check a
subtest.
"""

import os
import pathlib
import queue
import re
import subprocess
import threading
import time
import unittest

from harness.cases import ServerCase
from harness.server import topod_binary

DEADLINE = 90  # seconds for a group
PROGRAM = pathlib.Path('tests/clients/c_client/c_client')
SOURCES = pathlib.Path(__file__).parent
BYTE_ORDER_HELPERS = {'zoo_htonll'}  # declared by a header that zookeeper.h includes
DECLARATION = re.compile(r'\b(zoo_\w+|zookeeper_\w+|zerror|is_unrecoverable) ?\(')
TAP_LINE = re.compile(r'(ok|not ok) \d+ - (.*)')


def program():
    """The built program."""
    if os.environ.get('BUILD'):
        return pathlib.Path(os.environ['BUILD']).resolve() / PROGRAM
    return topod_binary().parents[1] / PROGRAM


class Coverage(unittest.TestCase):

    def test_every_declared_call_is_made(self):
        header = subprocess.run(['cc', '-DTHREADED', '-E', '-'], check=True, text=True, timeout=60,
                                input='#include <zookeeper/zookeeper.h>', capture_output=True)
        declared = set(DECLARATION.findall(header.stdout))
        called = set(DECLARATION.findall(
            ''.join(source.read_text() for source in SOURCES.glob('*.c'))))
        self.assertGreater(len(declared), 70)
        self.assertEqual(declared - called - BYTE_ORDER_HELPERS, set())


class CClient(ServerCase):

    def test_connection(self):
        self.run_group('connection')

    def test_synchronous_calls(self):
        self.run_group('sync')

    def test_asynchronous_calls(self):
        self.run_group('async')

    def test_watches(self):
        self.run_group('watches')

    def test_removal_of_watches(self):
        self.run_group('removal')

    def test_acls(self):
        self.run_group('acls')

    def test_multi(self):
        self.run_group('multi')

    def test_reconnection(self):
        self.run_group('reconnection')

    def run_group(self, group):
        """Runs a group, does what it asks for, and makes a subtest of each line of its report."""
        process = subprocess.Popen([program(), self.server.address, group], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        checks = 0
        for line in self.lines_of(process):
            checks += self.take_line(line)
        self.assertGreater(checks, 0, 'the program checked nothing')
        self.assertEqual(process.wait(DEADLINE), 0)

    def lines_of(self, process):
        """The lines of the process's output, until its end or the deadline."""
        lines = queue.Queue()

        def read():
            for line in process.stdout:
                lines.put(line.rstrip('\n'))
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                line = lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                self.fail(f'the program has not ended after {DEADLINE} s')
            if line is None:
                return
            yield line

    def take_line(self, line):
        """Acts on one line; returns how many checks it reports: 0 or 1."""
        if line == '# stop the server':
            self.server.stop()
        elif line == '# start the server':
            self.server.start()
        match = TAP_LINE.fullmatch(line)
        if not match:
            return 0
        with self.subTest(match.group(2)):
            self.assertTrue(match.group(1) == 'ok', match.group(2))
        return 1
