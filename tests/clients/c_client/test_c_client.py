"""The C client library: a program of ours makes all its calls and checks codes, Stats and events.

The program is built by meson; it is found in the build folder of the topod under test, or in the
one that the environment variable BUILD names. Each of its groups of checks is a test here.
"""

import os
import pathlib
import re
import subprocess
import unittest

from harness.server import topod_binary
from harness.tap import TapCase

PROGRAM = pathlib.Path('tests/clients/c_client/c_client')
SOURCES = pathlib.Path(__file__).parent
DECLARATION = re.compile(r'\b(zoo_\w+|zookeeper_\w+|zerror|is_unrecoverable) ?\(')
BYTE_ORDER_HELPERS = {'zoo_htonll'}  # declared by a header that zookeeper.h includes


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


class CClient(TapCase):

    def run_group(self, group):
        self.run_program(program(), self.server.address, group)

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
