"""One lock, taken by this project's recipe, kazoo's Lock and Curator's InterProcessMutex at once,
while servers are killed and paused and holders too: nobody holds beside another, and a resource
that knows the newest token refuses what one writes who was paused and has lost the lock.

LOCKS_SECONDS says how long they contend (12); LOCKS_SEED sets the seed of the faults, which is
printed.
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import unittest

from kazoo.client import KazooClient

from harness.ensemble import Ensemble
from harness.server import topod_binary
from locks import java
from locks.resource import Resource

HERE = pathlib.Path(__file__).parent
SECONDS = int(os.environ.get('LOCKS_SECONDS', '12'))
QUEUE = '/locks/mixed'
SESSION_TIMEOUT_S = 2
DEADLINE_S = 60


def setUpModule():
    java.compile_programs()


def program():
    if os.environ.get('BUILD'):
        build = pathlib.Path(os.environ['BUILD']).resolve()
    else:
        build = topod_binary().parents[1]
    return build / 'tests' / 'clients' / 'locks' / 'lock_worker'


class Mixed(unittest.TestCase):

    def setUp(self):
        self.ensemble = Ensemble(3)
        self.addCleanup(self.ensemble.close)
        self.ensemble.start()
        self.resource = Resource(self.ensemble.hosts)
        self.addCleanup(self.resource.close)

    def start(self, command, name, seconds, hold_ms, *more, queue=QUEUE, resource=None):
        port = (resource or self.resource).port
        worker = subprocess.Popen(
            [*command, self.ensemble.hosts, queue, str(port), name, str(seconds), str(hold_ms),
             *more], stdout=subprocess.PIPE, text=True)
        self.addCleanup(worker.stdout.close)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        return worker

    def start_ours(self, name, seconds, hold_ms, style, **where):
        return self.start([str(program())], name, seconds, hold_ms, style, **where)

    def start_kazoo(self, name, seconds, hold_ms, **where):
        return self.start([sys.executable, str(HERE / 'kazoo_worker.py')], name, seconds, hold_ms,
                          **where)

    def start_curator(self, name, seconds, hold_ms, **where):
        return self.start(java.command('LockWorker'), name, seconds, hold_ms, **where)

    def await_entry(self, name, resource=None):
        """Waits until it has got the lock once."""
        resource = resource or self.resource
        self.assertTrue(resource.await_that(lambda: resource.entered.get(name), DEADLINE_S),
                        f'{name} gets no lock')

    def assert_one_after_another(self, resource):
        """Of what the resource took, nothing of one holder came after something of the next."""
        tokens = [token for _, token in resource.accepted]
        self.assertEqual(tokens, sorted(set(tokens)), resource.accepted)
        self.assertEqual(resource.violations, [])

    def places(self):
        """Who stands in the queue."""
        client = KazooClient(hosts=self.ensemble.hosts)
        client.start(timeout=30)
        try:
            client.sync('/')
            return client.get_children(QUEUE) if client.exists(QUEUE) else []
        finally:
            client.stop()
            client.close()

    def fault(self, random_, workers):
        """A server or a holder is killed or paused, for a moment or for longer than a session."""
        kind = random_.choice(('kill', 'pause', 'leader', 'worker', 'worker', 'reset'))
        member = random_.choice(self.ensemble.members)
        if kind == 'leader':
            member, kind = self.ensemble.leader(), 'kill'
        if kind == 'kill':
            member.kill()
            time.sleep(0.3)
            member.start()
        elif kind == 'pause':
            member.pause()
            time.sleep(random_.uniform(0.2, 1.5 * SESSION_TIMEOUT_S))
            member.resume()
        elif kind == 'reset':
            member.restart()
        else:
            worker = random_.choice(workers)
            worker.send_signal(signal.SIGSTOP)
            time.sleep(random_.uniform(0.2, 2 * SESSION_TIMEOUT_S))
            worker.send_signal(signal.SIGCONT)

    def test_nobody_holds_beside_another_through_kills_and_pauses(self):
        seed = int(os.environ.get('LOCKS_SEED', '0')) or random.randrange(1 << 32)
        print(f'LOCKS_SEED={seed}', flush=True)
        random_ = random.Random(seed)
        until = time.monotonic() + SECONDS
        workers = [self.start_ours('ours-1', SECONDS, 20, 'curator'),
                   self.start_ours('ours-2', SECONDS, 20, 'kazoo'),
                   self.start_kazoo('kazoo-1', SECONDS, 20),
                   self.start_curator('curator-1', SECONDS, 20)]
        for name in ('ours-1', 'ours-2', 'kazoo-1', 'curator-1'):
            self.await_entry(name)
        while time.monotonic() < until - 3:
            self.fault(random_, workers)
            time.sleep(random_.uniform(0.1, 1))
        self.ensemble.await_all_serve()
        for worker in workers:
            output, _ = worker.communicate(timeout=DEADLINE_S)
            self.assertEqual(worker.returncode, 0, output)
            self.assertRegex(output, r'held \d+ times')
        self.assert_one_after_another(self.resource)
        self.assertEqual(self.places(), [], 'places that nobody knows of')
        print(f'entered: {self.resource.entered}, refused: {self.resource.refused}', flush=True)

    def pause_a_holder(self, start, *style, queue):
        """It holds and is stopped. Returns it and the resource that it writes to."""
        resource = Resource(self.ensemble.hosts)
        self.addCleanup(resource.close)
        holder = start('paused', 60, 50_000, *style, queue=queue, resource=resource)
        self.await_entry('paused', resource)
        holder.send_signal(signal.SIGSTOP)
        return holder, resource

    def test_what_one_writes_who_was_paused_beyond_its_session_is_refused(self):
        kinds = {'/locks/ours': (self.start_ours, 'curator'),
                 '/keyspaces/commerce': (self.start_ours, 'vitess'),
                 '/locks/kazoo': (self.start_kazoo,),
                 '/locks/curator': (self.start_curator,)}
        paused = {queue: self.pause_a_holder(*kind, queue=queue) for queue, kind in kinds.items()}
        for queue, (_, resource) in paused.items():
            style = 'vitess' if 'vitess' in kinds[queue] else 'curator'
            self.start_ours('next', 60, 50_000, style, queue=queue, resource=resource)
        for queue, (holder, resource) in paused.items():
            with self.subTest(queue):
                self.await_entry('next', resource)
                self.assertEqual(resource.refused, {})
                # It writes before it looks or though it knows: none of the workers obeys.
                holder.send_signal(signal.SIGCONT)
                self.assertTrue(resource.await_that(lambda: resource.refused, DEADLINE_S),
                                'nothing was refused')
                self.assertEqual(list(resource.refused), ['paused'])
                self.assertEqual([name for name, _ in resource.accepted], ['paused', 'next'])
                self.assert_one_after_another(resource)
                if kinds[queue][0] == self.start_ours:
                    self.assertIn('lost', holder.stdout.readline())

    def test_a_lock_of_vitess_and_ours_exclude_each_other(self):
        directory = '/vitess/keyspaces/commerce'
        client = KazooClient(hosts=self.ensemble.hosts)
        client.start(timeout=30)
        self.addCleanup(client.close)
        self.addCleanup(client.stop)
        client.ensure_path(f'{directory}/locks')
        # As zk2topo does it: the name is nothing but the number.
        place = client.create(f'{directory}/locks/', b'{}', ephemeral=True, sequence=True)
        self.assertEqual(place, f'{directory}/locks/0000000000')
        worker = self.start_ours('ours', 60, 50_000, 'vitess', queue=directory)
        waiting = []
        while len(waiting) < 2:
            waiting = sorted(client.get_children(f'{directory}/locks'))
        self.assertEqual(waiting, ['0000000000', '0000000001'])
        contents, stat = client.get(f'{directory}/locks/0000000001')
        self.assertEqual(list(json.loads(contents)),
                         ['Action', 'HostName', 'UserName', 'Time', 'Status', 'Options'])
        self.assertEqual(json.loads(contents)['Action'], 'ours')
        acls, _ = client.get_acls(f'{directory}/locks/0000000001')
        self.assertEqual([acl.perms for acl in acls], [19])
        self.assertNotIn('ours', self.resource.entered)
        client.delete(place)
        self.await_entry('ours')
        self.assertEqual(client.create(f'{directory}/locks/', b'{}', ephemeral=True,
                                       sequence=True), f'{directory}/locks/0000000002')
        # By Vitess's rule it is not first; whoever removes the place of the first breaks its lock.
        client.delete(f'{directory}/locks/0000000001')
        self.assertIn('lost: somebody has removed it', worker.stdout.readline())

    def test_a_lock_outlives_the_server_its_holder_talks_to(self):
        holder = self.start_ours('steady', 60, 50_000, 'curator')
        self.await_entry('steady')
        place = self.places()
        for member in list(self.ensemble.members):
            member.kill()
            self.ensemble.leader()
            member.start()
            self.ensemble.await_all_serve()
        self.assertEqual(self.places(), place)
        self.assertEqual(self.resource.entered['steady'], 1)
        self.assertIsNone(holder.poll())


if __name__ == '__main__':
    unittest.main()
