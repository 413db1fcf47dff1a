"""The Go client of github.com/samuel/go-zookeeper: a program of ours makes all its calls.

The program is built once. Each of its groups of checks is a test.
"""

import pathlib

from harness.tap import TapCase

from .build import GoProgram

SOURCES = pathlib.Path(__file__).parent / 'program'


class GoClient(TapCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = GoProgram(SOURCES)
        cls.addClassCleanup(cls.program.remove)

    def run_group(self, group):
        self.run_program(self.program.path, self.server.address, group)

    def test_acls(self):
        self.run_group('acls')

    def test_four_letter_words(self):
        self.run_group('words')

    def test_locks(self):
        self.run_group('locks')

    def test_multi(self):
        self.run_group('multi')

    def test_nodes(self):
        self.run_group('nodes')

    def test_reconnection(self):
        self.run_group('reconnection')

    def test_sessions(self):
        self.run_group('sessions')

    def test_watches(self):
        self.run_group('watches')
