"""topoctl when something is wrong: arguments, servers, permissions, a death in the middle."""

import pathlib
import socket
import subprocess
import tempfile
import threading
import time

from harness import records
from harness.codes import Perms
from harness.records import Acl
from harness.server import free_port

from .tool import ToolCase, make_path, run_tool


class Failures(ToolCase):

    def test_wrong_usage_is_one_sentence_and_code_2(self):
        for arguments, says in (([], 'a command is missing'),
                                (['nonsense'], 'there is no command nonsense'),
                                (['cell', 'nonsense'], 'there is no command nonsense'),
                                (['get'], 'path is required'),
                                (['get', 'relative'], 'a path begins with /'),
                                (['ls', '/', '/', '/'], 'not expected'),
                                (['ls', '--nonsense', '/'], '--nonsense'),
                                (['ls', '/', '-o', 'xml'], 'xml'),
                                (['--request-timeout', 'soon', 'ls', '/'], 'soon'),
                                (['put', '/a//b', 'x'], 'no valid path'),
                                (['put', '/a/./b', 'x'], 'no valid path'),
                                (['lock', '/a/..', '--', 'true'], 'no valid path'),
                                (['copy', '/zookeeper', '/a//b'], 'no valid path'),
                                (['--root', 'vitess', 'cells'], 'a path begins with /'),
                                (['locks', 'brake', '/a'], 'a path begins with /: brake'),
                                (['watch', '/', '--timeout', '-1'], '-1'),
                                (['watch', '/', '-n', '-1'], '-1'),
                                (['du', '--top', '-1'], '-1'),
                                (['tablets', '-t', 'bogus'], 'there is no type of tablet BOGUS'),
                                (['help', 'nonsense'], 'there is no command nonsense'),
                                (['--config', '/dev/null', '--sphere', 'x', 'ls', '/'], 'no toposphere x'),
                                ):
            answer = self.tool(*arguments, code=2)
            self.assertEqual(answer.out, '', arguments)
            self.assertEqual(answer.err.count('\n'), 1, answer.err)
            self.assertIn(says, answer.err)

    def test_help_is_there_for_every_command_with_examples(self):
        overview = self.tool('--help').out
        self.assertIn('Exit codes:', overview)
        listed = overview[overview.index('\nData:'):overview.index('Which servers:')]
        commands = [line.split()[0] for line in listed.splitlines() if line.startswith('  ')]
        commands.remove('cell')
        self.assertGreater(len(commands), 25)
        self.assertEqual(self.tool('help').out, overview)
        for command in commands + ['cell add', 'cell update', 'cell delete', 'locks break']:
            text = self.tool(*command.split(), '--help').out
            self.assertEqual(self.tool('help', *command.split()).out, text)
            self.assertIn('Examples:\n', text, command)
            self.assertIn(f'topoctl {command}', text)
            for line in text.splitlines():
                self.assertLessEqual(len(line), 110, line)

    def test_named_servers_come_before_a_default_toposphere_and_after_a_named_one(self):
        nobody = f'127.0.0.1:{free_port()}'
        with tempfile.NamedTemporaryFile('w') as config:
            config.write(f'default = away\n[away]\nservers = {nobody}\n'
                         f'[here]\nservers = {self.server.address}\n')
            config.flush()
            quick = ['--config', config.name, '--request-timeout', '0.3']
            self.tool(*quick, 'ls', '/')
            self.tool(*quick, '--sphere', 'away', 'ls', '/', code=3)
            self.tool(*quick, 'ls', '/', env={'TOPOCTL_SPHERE': 'away'}, code=3)
            self.tool(*quick, '--sphere', 'away', '--servers', self.server.address, 'ls', '/')
            self.tool(*quick, '--sphere', 'here', 'ls', '/', env={'TOPOCTL_SERVERS': nobody})

    def test_completion_is_valid_bash_and_knows_the_commands(self):
        script = self.tool('completion', 'bash').stdout
        subprocess.run(['bash', '-n'], input=script, check=True)
        probe = script + b'\nCOMP_WORDS=(topoctl t); COMP_CWORD=1; _topoctl; echo ${COMPREPLY[*]}\n'
        words = subprocess.run(['bash'], input=probe, capture_output=True, check=True).stdout.split()
        self.assertIn(b'tree', words)
        self.assertNotIn(b'ls', words)

    def test_unreachable_servers_are_code_3_within_the_time(self):
        began = time.monotonic()
        answer = run_tool('--servers', f'127.0.0.1:{free_port()}', '--request-timeout', '1', 'ls',
                          '/', code=3)
        self.assertIn('is it running', answer.err)
        self.assertIn('refused', answer.err)
        self.assertLess(time.monotonic() - began, 30)

    def test_a_server_that_accepts_and_says_nothing_is_code_3(self):
        with socket.create_server(('127.0.0.1', 0)) as silent:
            run_tool('--servers', f'127.0.0.1:{silent.getsockname()[1]}', '--request-timeout', '0.5',
                     'ls', '/', code=3)

    def test_a_server_that_hangs_leaves_time_for_the_others(self):
        with socket.create_server(('127.0.0.1', 0)) as hung:
            hangs = f'127.0.0.1:{hung.getsockname()[1]}'
            # Which one is tried first is chance.
            for _ in range(4):
                run_tool('--servers', f'{hangs},{self.server.address}', '--request-timeout', '1.5',
                         'ls', '/')

    def test_a_server_that_is_down_does_not_matter_if_another_serves(self):
        servers = f'127.0.0.1:{free_port()},{self.server.address}'
        for _ in range(3):
            run_tool('--servers', servers, 'ls', '/')

    def test_without_permission_is_code_5_and_credentials_help(self):
        client = self.client()
        client.auth('digest', b'op:secret')
        client.call(records.create('/closed', b'x', (Acl(Perms.ALL, 'auth', ''),)))
        self.assertIn('does not permit', self.tool('get', '/closed', code=5).err)
        with tempfile.NamedTemporaryFile('w', suffix='.auth') as auth:
            auth.write('# operator\ndigest:op:secret\n')
            auth.flush()
            self.assertEqual(self.tool('--auth-file', auth.name, 'get', '/closed').out, 'x\n')
            with tempfile.NamedTemporaryFile('w') as config:
                config.write(f'default = here\n[here]\nservers = {self.server.address}\n'
                             f'auth-file = {auth.name}\n')
                config.flush()
                named = run_tool('get', '/closed', env={'TOPOCTL_CONFIG': config.name})
                self.assertEqual(named.out, 'x\n')
                run_tool('--config', config.name, '--sphere', 'here', 'get', '/closed')
                run_tool('--config', config.name, 'copy', '/closed', 'here:/closed-copy')
                # A toposphere that is named has its own credentials, whichever is chosen.
                run_tool('--config', config.name, '--servers', self.server.address, 'diff',
                         'here:/closed', 'here:/closed-copy')
        self.tool('--auth-file', '/nonexistent', 'get', '/closed', code=4)

    def test_one_znode_that_may_not_be_read_does_not_hide_the_others(self):
        client = self.client()
        client.auth('digest', b'op:secret')
        make_path(client, '/part/open/x', b'x')
        make_path(client, '/vitess/global/keyspaces/commerce')
        make_path(client, '/vitess/global/cells')
        for path in ('/part/closed', '/vitess/global/keyspaces/closed'):
            client.call(records.create(path, b'x', (Acl(Perms.ALL, 'auth', ''),)))
        for command in (['tree', '/part'], ['find', '/part'], ['du', '/part'], ['ls', '-l', '/part'],
                        ['locks', '/part']):
            answer = self.tool(*command, code=5)
            self.assertIn('/part/closed is missing here', answer.err)
            if command[0] != 'locks':
                self.assertIn('open', answer.out)
        for command in (['keyspaces'], ['shards'], ['show', 'commerce'], ['locks']):
            answer = self.tool(*command, code=5)
            self.assertIn('/vitess/global/keyspaces/closed is missing here', answer.err)
        self.assertIn('commerce', self.tool('keyspaces', code=5).out)
        self.assertIn('closed is missing', self.tool('validate', code=5).err)
        # What is to be whole is not written in part.
        self.tool('export', '/part', code=5)
        self.tool('copy', '/part', '/part-copy', code=5)
        self.tool('tree', '/part/closed', code=5)

    def test_a_server_that_dies_in_the_middle_is_code_3(self):
        # A server that answers the handshake and dies with the first request.
        with socket.create_server(('127.0.0.1', 0)) as listener:
            threading.Thread(target=die_in_the_middle, args=(listener,), daemon=True).start()
            run_tool('--servers', f'127.0.0.1:{listener.getsockname()[1]}', '--request-timeout',
                     '2', 'put', '/a', 'x', code=3)

    def test_names_that_are_no_utf8_do_not_harm_a_terminal(self):
        client = self.client()
        client.create('/strange', b'\x1b]0;title\x07\xff')
        for command in (['get', '/strange'], ['tree', '-v', '/strange'], ['ls', '-l', '/']):
            self.assertNotIn('\x1b', self.tool(*command).out)
        self.tool('tree', '-v', '/strange', '-o', 'json').json

    def test_a_full_disk_is_not_a_success(self):
        if not pathlib.Path('/dev/full').exists():
            self.skipTest('no /dev/full')
        with open('/dev/full', 'wb') as full:
            from .tool import topoctl_binary
            done = subprocess.run([topoctl_binary(), '--servers', self.server.address, 'ls', '/'],
                                  stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)


def die_in_the_middle(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(5)
            try:
                connection.recv(4096)
                connection.sendall(bytes.fromhex('00000025' '00000000' '00007530' '0000000000000001')
                                   + bytes.fromhex('00000010') + bytes(16) + b'\x00')
                connection.recv(4096)
            except OSError:
                pass
