"""Drives ZooKeeper's Java command line through its standard input and output.

Not thread-safe: one thread gives commands. Deadlines are in seconds.
"""

import os
import queue
import re
import subprocess
import threading
import time

from harness.server import JAVA_FOLDER

JARS = ('zookeeper', 'zookeeper-jute', 'slf4j-api', 'slf4j-nop', 'netty-all', 'commons-cli',
        'metrics-core')
DEADLINE = 30
# The command line prints no prompt when its input is a pipe. After each command it is told to say
# whether it prints watch events, and that answer ends the command's output.
MARKER = 'printwatches'
MARKER_ANSWER = re.compile(r'printwatches is (on|off)')
EVENT = re.compile(r'WatchedEvent state:(\w+) type:(\w+) path:(.*)')


class CliError(Exception):
    """The command line ended or was silent when it should not."""


class JavaCli:
    """One process of the command line, connected to `server`."""

    def __init__(self, server):
        self._process = subprocess.Popen(
            ['java', '-Xmx128m', '-Xshare:auto', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1',
             '-cp', os.pathsep.join(str(JAVA_FOLDER / f'{jar}.jar') for jar in JARS),
             'org.apache.zookeeper.ZooKeeperMain', '-waitforconnection', '-server', server.address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._lines = queue.Queue()
        self._events = []
        threading.Thread(target=self._read, daemon=True).start()
        self.run('printwatches on')  # the greeting is part of the first command's output

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line.rstrip('\n'))
        self._lines.put(None)

    def _next_line(self, deadline):
        try:
            line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
        except queue.Empty:
            raise CliError(f'no output for {DEADLINE} s') from None
        if line is None:
            raise CliError(f'it ended with status {self._process.wait()}')
        event = EVENT.fullmatch(line)
        if event:
            self._events.append(event.groups())
        return line

    def run(self, command):
        """The lines that a command prints, without empty ones and without watch events."""
        self._process.stdin.write(f'{command}\n{MARKER}\n')
        self._process.stdin.flush()
        deadline = time.monotonic() + DEADLINE
        lines = []
        while True:
            line = self._next_line(deadline)
            if MARKER_ANSWER.fullmatch(line):
                return lines
            if line.strip() and line != 'WATCHER::' and not EVENT.fullmatch(line):
                lines.append(line)

    def wait_for_event(self, kind, path):
        """Waits until a watch has reported this (type, path); takes it and all events before it."""
        deadline = time.monotonic() + DEADLINE
        while True:
            for place, (_, event_kind, event_path) in enumerate(self._events):
                if (event_kind, event_path) == (kind, path):
                    del self._events[:place + 1]
                    return
            self._next_line(deadline)

    def take_events(self):
        """The (type, path) pairs reported and not taken yet."""
        events, self._events = self._events, []
        return [(kind, path) for _, kind, path in events]

    def quit(self):
        """Ends with the command `quit`; returns the exit status."""
        self._process.stdin.write('quit\n')
        self._process.stdin.flush()
        return self._process.wait(DEADLINE)

    def close(self):
        """Kills the process if it runs. Harmless when repeated."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
