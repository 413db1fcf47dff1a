"""What Vitess's topology plug-in does with a server, replayed through the Go client.

The program is built once. Each of its groups of checks is a test.
"""

import pathlib

from go_client.build import GoProgram
from harness.tap import TapCase

SOURCES = pathlib.Path(__file__).parent / 'program'


class Vitess(TapCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = GoProgram(SOURCES)
        cls.addClassCleanup(cls.program.remove)

    def run_group(self, group):
        self.run_program(self.program.path, self.server.address, group)

    def test_elections(self):
        self.run_group('elections')

    def test_locks(self):
        self.run_group('locks')

    def test_records(self):
        self.run_group('records')

    def test_restart_of_the_server(self):
        self.run_group('restart')

    def test_watches(self):
        self.run_group('watches')
