"""kazoo clients that know all members, while members are killed, paused and restarted.

What was acknowledged is there, once, on every member; the rest may be there or not, but nothing
that nobody asked for. ENSEMBLE_SEED sets the seed of the faults, which is printed; ENSEMBLE_FAULTS
how many there are (8).
"""

import os
import random
import threading
import time
import unittest

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import ConnectionClosedError, ConnectionLoss, OperationTimeoutError
from kazoo.handlers.threading import KazooTimeoutError

from harness.ensemble import Ensemble
from harness.wire import WireClient

FAULTS = int(os.environ.get('ENSEMBLE_FAULTS', '8'))
WRITERS = 4
SESSION_TIMEOUT_S = 30
DEADLINE_S = 90
# The outcome of a write that ends so is not known.
UNKNOWN = (ConnectionLoss, ConnectionClosedError, OperationTimeoutError, KazooTimeoutError)


class KazooWriter(threading.Thread):
    """Creates znodes numbered by itself below `base`, and ones that the server numbers in `queue`.

    One request at a time; a write whose outcome is unknown is never tried again."""

    def __init__(self, hosts, name, queue):
        super().__init__(daemon=True)
        self.name, self.queue = name, queue
        self.client = KazooClient(hosts=hosts, timeout=SESSION_TIMEOUT_S, randomize_hosts=True)
        self.states = []
        self.client.add_listener(self.states.append)
        self.acknowledged, self.in_doubt = [], []
        self.sequence = []  # of the names that the server gave, in the order of the requests
        self.failure = None
        self.stopping = threading.Event()

    def run(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            try:
                if not self.client.connected:
                    self.stopping.wait(0.01)
                    continue
                self.client.create(f'/{self.name}/{number:06}', b'')
                self.acknowledged.append(number)
                self.sequence.append(self.client.create(f'{self.queue}/n-', self.name.encode(),
                                                        sequence=True))
            except UNKNOWN:
                self.in_doubt.append(number)
            except Exception as error:
                self.failure = error
                return

    def finish(self):
        self.stopping.set()
        self.join(DEADLINE_S)
        if self.failure:
            raise self.failure
        if self.is_alive():
            raise AssertionError(f'{self.name} waits for an answer')

    def close(self):
        self.stopping.set()
        self.client.stop()
        self.client.close()


class KazooTest(unittest.TestCase):

    def start(self, voters=3, observers=0, **config):
        ensemble = Ensemble(voters, observers, config)
        self.addCleanup(ensemble.close)
        ensemble.start()
        with WireClient(ensemble.leader()) as client:
            client.create('/queue')
            for i in range(WRITERS):
                client.create(f'/writer{i}')
        writers = [KazooWriter(ensemble.hosts, f'writer{i}', '/queue') for i in range(WRITERS)]
        for writer in writers:
            self.addCleanup(writer.close)
            writer.client.start(DEADLINE_S)
            writer.start()
        self.await_progress(ensemble, writers)
        return ensemble, writers

    def await_progress(self, ensemble, writers, more=20):
        wanted = [(writer, len(writer.acknowledged) + more) for writer in writers]

        def all_got_on():
            for writer in writers:
                self.assertIsNone(writer.failure)
            return all(len(writer.acknowledged) >= count for writer, count in wanted)

        ensemble.await_that(all_got_on, 'all writers get on', DEADLINE_S)

    def check(self, ensemble, writers):
        """Every member holds what was acknowledged, and nothing that was not asked for."""
        for writer in writers:
            writer.finish()
        given = [name for writer in writers for name in writer.sequence]
        self.assertEqual(len(given), len(set(given)), 'a sequence number was given twice')
        for member in ensemble.members:
            with WireClient(member) as client:
                client.sync()
                queue = {f'/queue/{name}' for name in client.get_children('/queue')}
                self.assertFalse(set(given) - queue, 'acknowledged and lost')
                for writer in writers:
                    self.check_writer(client, writer)

    def check_writer(self, client, writer):
        present = {int(child) for child in client.get_children(f'/{writer.name}')}
        self.assertFalse(set(writer.acknowledged) - present, 'acknowledged and lost')
        self.assertFalse(present - set(writer.acknowledged) - set(writer.in_doubt),
                         'never asked for')
        self.assertEqual(writer.sequence, sorted(writer.sequence), 'numbers fell')
        zxids = [client.stat(f'/{writer.name}/{number:06}').czxid
                 for number in writer.acknowledged]
        self.assertEqual(zxids, sorted(set(zxids)), 'carried out in another order')

    def test_nothing_acknowledged_is_lost_over_kills_and_pauses(self):
        seed = int(os.environ.get('ENSEMBLE_SEED', random.randrange(1 << 32)))
        print(f'ENSEMBLE_SEED={seed}', flush=True)
        chance = random.Random(seed)
        ensemble, writers = self.start()
        for fault in range(FAULTS):
            with self.subTest(fault=fault, seed=seed):
                leader = ensemble.leader()
                victim = chance.choice([leader, leader, *ensemble.others(leader)])
                if chance.random() < 0.7:
                    victim.kill()
                    self.await_progress(ensemble, writers)
                    victim.start()
                else:
                    victim.pause()
                    ensemble.leader()
                    time.sleep(chance.random())
                    victim.resume()
                ensemble.await_all_serve()
                self.await_progress(ensemble, writers)
        self.check(ensemble, writers)

    def test_a_rolling_restart_under_load_loses_no_session(self):
        ensemble, writers = self.start()
        sessions = [writer.client.client_id for writer in writers]
        for member in ensemble.members:
            self.assertEqual(member.stop(), 0)
            self.await_progress(ensemble, writers)
            member.start()
            self.await_progress(ensemble, writers)
        self.assertEqual([writer.client.client_id for writer in writers], sessions)
        for writer in writers:
            self.assertNotIn(KazooState.LOST, writer.states)
        self.check(ensemble, writers)

    def test_five_members_survive_the_loss_of_two(self):
        ensemble, writers = self.start(voters=5, observers=2)
        lost = [ensemble.leader()]
        lost += [member for member in ensemble.others(lost[0]) if not member.observes][:1]
        for member in lost:
            member.kill()
        self.await_progress(ensemble, writers)
        for member in lost:
            member.start()
        self.await_progress(ensemble, writers)
        self.check(ensemble, writers)


if __name__ == '__main__':
    unittest.main()
