"""What tools/compare failover measures: for how long nobody's write is answered when a leader fails.

Two clients write one znode each, one write at a time, while the leader is killed or stopped. The
time is that from the signal to the first answer in a new epoch, so an answer which the old leader
had already given does not count. A client whose connection ends goes to the servers that are left,
in turn and without any rest, with its session: quicker than any client library. Times are in
milliseconds.
"""

import concurrent.futures
import contextlib
import itertools
import os
import signal
import time

import compare_servers
from harness.wire import Closed, RequestFailed, WireClient

# Silence is noticed after 2 s, so that a leader that hangs is measured in reasonable time.
TICKS = {'tickTime': 500, 'initLimit': 20, 'syncLimit': 4}
SILENCE_MS = TICKS['tickTime'] * TICKS['syncLimit']
SESSION_MS = 10_000
WRITING_SECONDS = 0.5  # before the leader fails
RETRY_SECONDS = 0.001
PATIENCE_SECONDS = 60
# Bits of a zxid that count the transactions of one epoch.
APACHE_COUNTER_BITS = 32
TOPOD_COUNTER_BITS = 40


class Client:
    """Writes to `server` and, once it has lost that, to `others`. One thread at a time."""

    def __init__(self, server, others, path):
        self.others = itertools.cycle(others)
        self.counter_bits = APACHE_COUNTER_BITS if server.is_apache else TOPOD_COUNTER_BITS
        self.path = path
        self.losses = 0
        self.wire = WireClient(server, timeout_ms=SESSION_MS)
        self.wire.create(path)
        self.last_zxid = self.wire.last_zxid
        self.credentials = self.wire.credentials

    def write(self):
        """One write, sent again until it is answered. Returns the epoch that it belongs to."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            try:
                self.wire.set_data(self.path, b'')
                self.last_zxid = self.wire.last_zxid
                return self.last_zxid >> self.counter_bits
            except (Closed, ConnectionError):
                self.losses += 1
                self.reconnect(give_up)
            except RequestFailed as error:
                raise compare_servers.BenchmarkError(str(error)) from error
        raise compare_servers.BenchmarkError(f'no write within {PATIENCE_SECONDS} s')

    def write_into_next_epoch(self):
        """Writes until an epoch begins; returns the time of its first answer."""
        first = self.write()
        while self.write() == first:
            pass
        return time.monotonic()

    def reconnect(self, give_up):
        self.wire.close()
        while time.monotonic() < give_up:
            try:
                self.wire = WireClient(next(self.others), timeout_ms=SESSION_MS,
                                       last_zxid=self.last_zxid, **self.credentials)
            except (Closed, ConnectionError):
                time.sleep(RETRY_SECONDS)
                continue
            if self.wire.session_id == 0:
                raise compare_servers.BenchmarkError('a session was lost')
            return

    def close(self):
        self.wire.delete(self.path)
        self.wire.close_session()
        self.wire.close()


class Failover:
    """Three servers of each side. A round is a leader that is killed, and one that hangs."""

    def __init__(self, setting, _):
        self.setting = setting
        self.stack = contextlib.ExitStack()
        self.ensembles = {}
        self.turns = itertools.count()

    def __enter__(self):
        self.ensembles = self.stack.enter_context(compare_servers.running(
            self.setting.sides, lambda side: self.setting.ensemble(side, TICKS)))
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def run(self, side):
        ensemble = self.ensembles[side]
        (survivor_ms, own_ms), kill_losses = self.fail(ensemble, signal.SIGKILL, with_own=True)
        (hang_ms,), hang_losses = self.fail(ensemble, signal.SIGSTOP, with_own=False)
        return {'kill_ms': survivor_ms, 'kill_own_ms': own_ms, 'kill_losses': kill_losses,
                'hang_ms': hang_ms, 'hang_losses': hang_losses}

    def fail(self, ensemble, signal_number, with_own):
        """Sends the leader that signal. Returns what it meant to a client of another server, and
        to a client of its own; and how often the former lost its connection."""
        compare_servers.pause()
        leader = ensemble.leader()
        others = ensemble.others(leader)
        turn = next(self.turns)
        clients = [Client(others[turn % 2], others, f'/failover-{turn}')]
        if with_own:
            clients.append(Client(leader, others, f'/failover-{turn}-own'))
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as threads:
            answers = [threads.submit(client.write_into_next_epoch) for client in clients]
            time.sleep(WRITING_SECONDS)
            began = time.monotonic()
            os.kill(leader.pid, signal_number)
            times = [(answer.result() - began) * 1000 for answer in answers]
        if min(times) < 0:
            raise compare_servers.BenchmarkError('the leader changed by itself')
        losses = clients[0].losses
        for client in clients:
            client.close()
        self.restore(ensemble, leader, signal_number)
        return times, losses

    @staticmethod
    def restore(ensemble, leader, signal_number):
        """Everybody serves again, and nobody believes any more that the old leader leads."""
        if signal_number == signal.SIGKILL:
            leader.kill()
            leader.start()
        else:
            leader.resume()
        ensemble.await_that(
            lambda: sorted(map(str, (member.mode() for member in ensemble.members)))
            == ['follower', 'follower', 'leader'], 'one leads and two follow')
