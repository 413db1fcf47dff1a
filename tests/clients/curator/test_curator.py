"""Apache Curator's recipes: a Java program of ours uses them and checks what they do.

The program is compiled when the module starts. Each of its groups of checks is a test.
"""

import os
import pathlib
import subprocess
import tempfile

from harness.ensemble import EnsembleAsServer
from harness.server import JAVA_FOLDER
from harness.tap import TapCase

SOURCES = pathlib.Path(__file__).parent / 'recipes'
JARS = ('curator-recipes', 'curator-framework', 'curator-client', 'zookeeper', 'zookeeper-jute',
        'guava', 'slf4j-api', 'slf4j-nop', 'netty-all', 'metrics-core')
CLASS_PATH = os.pathsep.join(str(JAVA_FOLDER / f'{jar}.jar') for jar in JARS)

_classes = tempfile.TemporaryDirectory(prefix='curator-')


def setUpModule():
    subprocess.run(['javac', '-Xlint:all,-path,-classfile', '-Werror', '-proc:none',
                    '-d', _classes.name, '-cp', CLASS_PATH, *map(str, SOURCES.glob('*.java'))],
                   check=True, timeout=120)


def tearDownModule():
    _classes.cleanup()


class Curator(TapCase):

    config = {'znode.container.checkIntervalMs': 200}  # containers and TTL nodes go soon

    def run_group(self, group):
        members = self.server.ensemble.hosts if isinstance(self.server, EnsembleAsServer) else ''
        self.run_program('java', '-Xmx128m', '-Xshare:auto', '-XX:+UseSerialGC',
                         '-XX:TieredStopAtLevel=1', f'-Dmembers={members}',
                         '-cp', os.pathsep.join((_classes.name, CLASS_PATH)),
                         'Main', self.server.address, group)

    def test_barriers(self):
        self.run_group('barriers')

    def test_caches(self):
        self.run_group('caches')

    def test_counters(self):
        self.run_group('counters')

    def test_ensemble_tracker(self):
        self.run_group('tracker')

    def test_leader_elections(self):
        self.run_group('leaders')

    def test_locks(self):
        self.run_group('locks')

    def test_nodes_kept_alive(self):
        self.run_group('nodes')

    def test_operations(self):
        self.run_group('operations')

    def test_queues(self):
        self.run_group('queues')

    def test_reconnection(self):
        self.run_group('reconnection')
