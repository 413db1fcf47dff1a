"""Runs topoctl as its users do, and compares what it prints with stored examples.

`examples/NAME` holds what a command is to print, after `normal` has replaced what changes from run
to run. UPDATE_EXAMPLES=1 writes them anew: look at the difference before you commit it.
TOPOCTL names the executable; else it is the one beside the tested topod.
"""

import base64
import json
import os
import pathlib
import re
import subprocess
import unittest

from harness import records
from harness.server import REPOSITORY, Topod, topod_binary
from harness.wire import WireClient

HERE = pathlib.Path(__file__).resolve().parent
DEADLINE = 60


def topoctl_binary():
    if os.environ.get('TOPOCTL'):
        return pathlib.Path(os.environ['TOPOCTL']).resolve()
    beside = topod_binary().parent.parent / 'tools' / 'ctl' / 'topoctl'
    usual = REPOSITORY / 'build' / 'release' / 'tools' / 'ctl' / 'topoctl'
    return beside if beside.exists() else usual


def normal(text, servers=()):
    """Without what differs from run to run: addresses, times, zxids, sessions."""
    for index, server in enumerate(servers):
        text = text.replace(server, f'SERVER{index + 1}')
    text = re.sub(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', 'TIME', text)
    return re.sub(r'0x1[0-9a-f]{8,}', 'ZXID', text)


class Answer:
    def __init__(self, completed):
        self.code = completed.returncode
        self.stdout = completed.stdout
        self.out = completed.stdout.decode(errors='replace')
        self.err = completed.stderr.decode(errors='replace')

    @property
    def json(self):
        return json.loads(self.stdout)


def run_tool(*arguments, env=None, stdin=b'', code=0):
    """Runs it to its end and checks the exit code."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith('TOPOCTL_')}
    clean |= {'HOME': '/nonexistent', 'NO_COLOR': ''} | (env or {})
    answer = Answer(subprocess.run([str(topoctl_binary()), *map(str, arguments)], env=clean,
                                   input=stdin, capture_output=True, timeout=DEADLINE))
    if answer.code != code:
        raise AssertionError(f'topoctl {" ".join(map(str, arguments))} ended with {answer.code}, '
                             f'not {code}: {answer.out[-2000:]}{answer.err[-2000:]}')
    return answer


def vitess_records():
    """Paths and values exactly as Vitess wrote them."""
    return {entry['path']: base64.b64decode(entry['base64'])
            for entry in json.loads((HERE / 'vitess_records.json').read_text())}


def make_path(client, path, data=b''):
    """A znode and what is missing above it."""
    parts = path.strip('/').split('/')
    for end in range(1, len(parts) + 1):
        here = '/' + '/'.join(parts[:end])
        reply = client.exchange(records.create(here, data if end == len(parts) else b''))
        if reply.err not in (0, -110):
            raise AssertionError(f'create {here}: {reply.err}')


class ToolCase(unittest.TestCase):
    """Tests against one topod, shared by the class."""

    config = {'4lw.commands.whitelist': '*', 'maxSessionTimeout': 60000}
    server = None

    @classmethod
    def setUpClass(cls):
        cls.server = Topod(config=cls.config)
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    def setUp(self):
        self.assertTrue(self.server.is_alive(), self.server.log_text()[-2000:])

    def tool(self, *arguments, env=None, **named):
        return run_tool(*arguments, env={'TOPOCTL_SERVERS': self.server.address} | (env or {}),
                        **named)

    def client(self, **named):
        client = WireClient(self.server, **named)
        self.addCleanup(client.close)
        return client

    def assert_example(self, name, text):
        path = HERE / 'examples' / name
        text = normal(text, [self.server.address])
        if os.environ.get('UPDATE_EXAMPLES') == '1':
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.assertEqual(path.read_text(), text, f'see {path}')
