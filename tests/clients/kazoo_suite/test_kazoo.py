"""kazoo's own test-suite as unittest cases.

The suite runs under pytest in PARTS processes side by side, each with a server of its own (see
redirect.py), as soon as the first of its tests is asked for; the tests here hand over the outcomes.
It sleeps much more than it computes.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

CLIENTS = pathlib.Path(__file__).resolve().parents[1]
PARTS = 3
DEADLINE = 300  # seconds for the whole suite
PYTEST = [sys.executable, '-m', 'pytest', '-q', '-p', 'kazoo_suite.redirect',
          '-p', 'no:cacheprovider', '--pyargs', 'kazoo.tests']


def pytest_environment():
    return {**os.environ, 'PYTHONPATH': str(CLIENTS), 'PYTHONDONTWRITEBYTECODE': '1',
            # Apache decodes passwords with the JVM's character set; kazoo's tests mean UTF-8.
            'JAVA_TOOL_OPTIONS': '-Dfile.encoding=UTF-8'}


def collect():
    """The names of kazoo's tests: 'test_lock.py::KazooLockTests::test_lock'."""
    with tempfile.TemporaryDirectory(prefix='kazoo-') as folder:
        answer = subprocess.run(PYTEST + ['--collect-only', '--rootdir', folder], cwd=folder,
                                env=pytest_environment(), capture_output=True, text=True,
                                timeout=60, check=True)
    return [line for line in answer.stdout.splitlines() if '::' in line]


class Run:
    """One run of the whole suite: its outcomes by test, and the output of its processes."""

    _the_run = None

    @classmethod
    def finished(cls):
        """The run, done when this returns; the first call does it."""
        if cls._the_run is None:
            cls._the_run = cls()
        return cls._the_run

    def __init__(self):
        self.outcomes = {}
        self.output = ''
        deadline = time.monotonic() + DEADLINE
        with tempfile.TemporaryDirectory(prefix='kazoo-') as name:
            folder = pathlib.Path(name)
            processes = [self._start(folder, part) for part in range(PARTS)]
            for process in processes:
                self._wait(process, deadline)
            for part in range(PARTS):
                self._read(folder, part)

    @staticmethod
    def _start(folder, part):
        with open(folder / f'output-{part}', 'w', encoding='utf-8') as output:
            return subprocess.Popen(
                PYTEST + ['--rootdir', str(folder), '--part', f'{part}/{PARTS}',
                          '--results', str(folder / f'results-{part}')],
                cwd=folder, env=pytest_environment(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT)

    @staticmethod
    def _wait(process, deadline):
        try:
            process.wait(max(1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            # pytest ends on SIGINT as it does after its last test: it stops its server.
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _read(self, folder, part):
        self.output += (folder / f'output-{part}').read_text(errors='replace')[-3000:]
        results = folder / f'results-{part}'
        if results.exists():
            for line in results.read_text().splitlines():
                outcome = json.loads(line)
                self.outcomes[outcome['test']] = outcome


class KazooTest(unittest.TestCase):
    """One test of kazoo's."""

    def __init__(self, name):
        super().__init__('run_of_kazoo')
        self.name = name

    def id(self):
        return 'kazoo.' + self.name.replace('.py', '').replace('::', '.')

    __str__ = id

    def run_of_kazoo(self):
        run = Run.finished()
        outcome = run.outcomes.get(self.name)
        if outcome is None:
            self.fail(f'the test has not run; the end of the output:\n{run.output}')
        if outcome['outcome'] == 'skipped':
            self.skipTest(outcome['text'])
        self.assertEqual(outcome['outcome'], 'passed', outcome['text'])


def load_tests(_loader, _tests, _pattern):
    return unittest.TestSuite(KazooTest(name) for name in collect())
