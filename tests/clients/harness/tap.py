"""The base of tests whose client is a program in another language that reports in TAP lines.

Such a program prints "ok <n> - <text>" or "not ok <n> - <text>" for each check and ends with
status 0 when all passed. With the lines "# stop the server" and "# start the server" it asks for
that. Each run of it is a test, each line a subtest. Deadlines are in seconds.
"""

import queue
import re
import subprocess
import threading
import time

from .cases import ServerCase

DEADLINE = 90
TAP_LINE = re.compile(r'(ok|not ok) \d+ - (.*)')


class TapCase(ServerCase):

    def run_program(self, *command, **named):
        """Runs the program, does what it asks for, and makes a subtest of each line it reports.

        `named` arguments go to subprocess.Popen."""
        process = subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, **named)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        checks = 0
        for line in self._lines_of(process):
            checks += self._take(line)
        self.assertGreater(checks, 0, 'the program checked nothing')
        self.assertEqual(process.wait(DEADLINE), 0)

    def _lines_of(self, process):
        """The lines of the process's output, until its end; fails at the deadline."""
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

    def _take(self, line):
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
