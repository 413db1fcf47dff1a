"""topoctl: locks and elections."""

import json
import os
import signal
import subprocess
import time

from harness import records
from harness.codes import Perms
from harness.records import Acl

from .tool import DEADLINE, ToolCase, make_path, topoctl_binary

HOLD = 'echo $TOPOCTL_LOCK_TOKEN $TOPOCTL_LOCK_PATH; exec sleep 60'


class Locks(ToolCase):

    def setUp(self):
        super().setUp()
        self.path = '/vitess/global/keyspaces/' + self.id().rsplit('.', 1)[-1]
        make_path(self.client(), self.path)

    def hold(self, *arguments, script=HOLD):
        """Starts a command under a lock; the process and the line that it has printed."""
        process = self.start(*arguments, '--', 'sh', '-c', script)
        return process, process.stdout.readline().split()

    def start(self, *arguments):
        process = subprocess.Popen(
            [topoctl_binary(), '--servers', self.server.address, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(end, process)
        return process

    def locks(self):
        return {one['path']: one
                for one in json.loads(self.tool('locks', '/vitess', '-o', 'json').out)}

    def wait_for(self, holds):
        deadline = time.monotonic() + DEADLINE
        while not holds():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def test_a_command_has_the_lock_and_its_token_while_it_runs(self):
        answer = self.tool('lock', self.path, '--', 'sh', '-c', 'echo $TOPOCTL_LOCK_TOKEN; exit 42',
                           code=42)
        self.assertGreater(int(answer.out), 0)
        self.assertEqual(self.locks(), {})
        self.tool('lock', self.path, '--', '/nonexistent', code=2)
        self.tool('lock', self.path, code=2)

    def test_a_lock_is_listed_and_excludes_others(self):
        process, (token, path) = self.hold('lock', self.path, '--reason', 'Reparent')
        lock = self.locks()[self.path]
        holder = lock['holders'][0]
        self.assertEqual((lock['kind'], holder['path'], holder['reason'], int(holder['token'], 16)),
                         ('lock', path, 'Reparent', int(token)))
        self.assertRegex(path, self.path + r'/locks/\d{10}')
        self.assertTrue(holder['client'].startswith('127.0.0.1:'))
        self.assertEqual(holder['server'], self.server.address)
        answer = self.tool('lock', self.path, '--timeout', '0.3', '--', 'true', code=6)
        self.assertIn('Reparent', answer.err)
        self.assertIn(' holds ', self.tool('locks', '/vitess').out)
        waiting = subprocess.Popen([topoctl_binary(), '--servers', self.server.address, 'lock',
                                    self.path, '--', 'echo', 'next'], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(end, waiting)
        self.wait_for(lambda: len(self.locks()[self.path]['waiters']) == 1)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(DEADLINE), 128 + signal.SIGTERM)
        self.assertEqual(waiting.communicate(timeout=DEADLINE)[0], 'next\n')

    def test_a_lock_that_is_broken_stops_its_command(self):
        process, _ = self.hold('lock', self.path)
        self.assertIn('would break', self.tool('locks', 'break', '--dry-run', self.path).out)
        self.assertIn('broken', self.tool('locks', 'break', self.path).out)
        self.assertEqual(process.wait(DEADLINE), 8)
        self.assertIn('lost', process.stderr.read())
        self.tool('locks', 'break', self.path, code=4)

    def test_a_free_lock_is_had_without_time_to_wait_and_a_held_one_is_not(self):
        for timeout in ('0', '0.001'):
            answer = self.tool('lock', '--queue', self.path + '/q', '--timeout', timeout, '--', 'echo',
                               'held')
            self.assertEqual(answer.out, 'held\n')
        self.hold('lock', self.path, '--reason', 'Reparent')
        answer = self.tool('lock', self.path, '--timeout', '0', '--', 'true', code=6)
        self.assertRegex(answer.err, r'not obtained in time: 1 before us.* of .*@.* \(Reparent\)\n$')
        self.assertEqual(len(self.locks()[self.path]['waiters']), 0)

    def test_a_signal_ends_who_waits_and_its_place_is_gone(self):
        self.hold('lock', self.path)
        self.hold('elect', 'post-held')
        for command, named in ((['lock', self.path], self.path),
                               (['elect', 'post-held'], '/vitess/global/elections/post-held')):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                waiting = self.start(*command, '--', 'true')
                self.assertIn('waiting behind', waiting.stderr.readline())
                began = time.monotonic()
                waiting.send_signal(number)
                self.assertEqual(waiting.wait(DEADLINE), 128 + number)
                self.assertLess(time.monotonic() - began, 30)
                self.assertEqual(self.locks()[named]['waiters'], [])

    def test_a_signal_ends_who_watches_and_its_session(self):
        self.hold('elect', 'post-watched', '--id', 'x')
        for command in (['watch', self.path], ['elect', 'post-watched', '--watch']):
            sessions = self.session_count()
            watching = self.start(*command)
            self.assertTrue(watching.stdout.readline())
            self.assertEqual(self.session_count(), sessions + 1)
            watching.send_signal(signal.SIGINT)
            self.assertEqual(watching.wait(DEADLINE), 130)
            self.assertEqual(self.session_count(), sessions)

    def session_count(self):
        """Without the one that asks for it."""
        lines = self.tool('four', 'mntr').out.splitlines()
        return int(dict(line.split('\t') for line in lines if '\t' in line)['zk_global_sessions'])

    def test_who_follows_an_election_that_it_may_not_read_is_told(self):
        client = self.client()
        client.auth('digest', b'op:secret')
        client.call(records.create('/closed-election', b'', (Acl(Perms.ALL, 'auth', ''),)))
        answer = self.tool('elect', '--watch', '--queue', '/closed-election', code=5)
        self.assertIn('does not permit', answer.err)
        self.tool('elect', '--watch', '--queue', 'relative', code=2)
        self.tool('elect', 'a//b', code=2)

    def test_who_waits_is_told_that_its_place_was_removed(self):
        self.hold('lock', self.path)
        waiting = self.start('lock', self.path, '--', 'true')
        self.assertIn('waiting behind', waiting.stderr.readline())
        place = self.locks()[self.path]['waiters'][0]['path']
        self.tool('rm', place)
        self.tool('locks', 'break', self.path)
        self.assertEqual(waiting.wait(DEADLINE), 6)
        self.assertIn('somebody has removed our place', waiting.stderr.read())

    def test_what_is_not_there_has_no_locks(self):
        self.assertIn('no such znode', self.tool('locks', '/nothing', code=4).err)

    def test_with_a_cell_its_root_stays_when_a_lock_is_released(self):
        self.tool('cell', 'add', 'pruned', '--cell-servers', self.server.address, '--cell-root',
                  '/cells/pruned')
        self.tool('--cell', 'pruned', 'lock', '/cells/pruned/a/b', '--', 'true')
        self.assertEqual(self.tool('ls', '/cells').out, 'pruned\n')
        self.assertEqual(self.tool('ls', '/cells/pruned').out, '')
        self.tool('cell', 'delete', 'pruned')

    def test_a_queue_may_be_named_and_shared(self):
        queue = self.path + '/queue'
        reader, _ = self.hold('lock', '--queue', '--shared', queue)
        self.hold('lock', '--queue', '--shared', queue)
        self.tool('lock', '--queue', queue, '--timeout', '0.3', '--', 'true', code=6)
        listed = self.locks()[queue]
        self.assertEqual((listed['kind'], len(listed['holders'])), ('queue', 2))

    def test_whoever_named_it_a_sequential_ephemeral_child_is_a_contender(self):
        client = self.client()
        make_path(client, self.path + '/locks')
        client.create(self.path + '/locks/strange-', b'\xff', flags=3)
        self.assertEqual(len(self.locks()[self.path]['holders']), 1)
        self.tool('lock', self.path, '--timeout', '0.3', '--', 'true', code=6)
        client.call(records.close_session())

    def test_the_lock_of_one_who_was_killed_lasts_until_it_is_broken(self):
        process, _ = self.hold('lock', self.path, script='echo x; exec sleep 60')
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        # Its session has not ended yet.
        self.tool('lock', self.path, '--timeout', '0.2', '--', 'true', code=6)
        self.tool('locks', 'break', self.path)
        self.tool('lock', self.path, '--timeout', '10', '--', 'true')

    def test_an_election_has_a_leader(self):
        self.tool('elect', 'post', code=4)
        process, _ = self.hold('elect', 'post', '--id', 'candidate:1')
        self.assertEqual(self.tool('elect', 'post').out, 'candidate:1\n')
        leader = self.tool('elect', 'post', '-o', 'json').json
        self.assertEqual(leader['leader'], 'candidate:1')
        listed = self.locks()['/vitess/global/elections/post']
        self.assertEqual((listed['kind'], listed['holders'][0]['holder']),
                         ('election', 'candidate:1'))
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE)
        self.tool('elect', 'post', code=4)

    def test_locks_of_the_whole_toposphere_are_listed(self):
        self.tool('cell', 'add', 'z', '--cell-servers', self.server.address, '--cell-root', '/z')
        self.tool('put', '/z/x', '')
        self.hold('lock', '/z/x')
        self.hold('lock', self.path)
        listed = self.tool('locks', '-o', 'json').json
        self.assertEqual([one['path'] for one in listed], [self.path, '/z/x'])
        self.tool('cell', 'delete', 'z')


def end(process):
    if process.poll() is None:
        process.terminate()
    process.wait(DEADLINE)
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()
