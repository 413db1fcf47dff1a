"""A member is asked to stop (SIGTERM) in the middle of its own clients' work: whatever it has read
is answered, and each client goes on with its session at the first other member that it asks."""

import threading
import unittest

from harness import records
from harness.codes import Flags
from harness.ensemble import Ensemble
from harness.wire import Closed, WireClient

CLIENTS = 4
WINDOW = 64
BEFORE_THE_STOP = 20 * WINDOW


class Pipeline(threading.Thread):
    """Creates numbered znodes, WINDOW at a time under way, until its connection is closed."""

    def __init__(self, server, base):
        super().__init__(daemon=True, name=base)
        self.base = base
        self.answered = 0
        self.failure = None
        self.client = WireClient(server, timeout_ms=20_000)
        self.client.create(base)
        self.client.create(f'{base}-ephemeral', b'', flags=Flags.EPHEMERAL)

    def run(self):
        sent = 0
        try:
            while True:
                while sent < self.answered + WINDOW:
                    self.client.send(records.create(f'{self.base}/{sent:06}'))
                    sent += 1
                self.take_answer()
        except (Closed, ConnectionError):
            self.take_the_rest()
        except Exception as error:  # the test's business
            self.failure = error
        finally:
            self.client.close()

    def take_answer(self):
        reply = self.client.receive_reply()
        if reply.err:
            raise AssertionError(f'{self.base}: write {self.answered} was answered {reply.err}')
        self.answered += 1

    def take_the_rest(self):
        """Sending has failed; what had been answered before has still to be read."""
        try:
            while True:
                self.take_answer()
        except (Closed, ConnectionError):
            pass
        except Exception as error:
            self.failure = error


class StopTest(unittest.TestCase):

    def setUp(self):
        self.ensemble = Ensemble(3)
        self.addCleanup(self.ensemble.close)
        self.ensemble.start()

    def check_stop_of(self, stopped):
        others = self.ensemble.others(stopped)
        pipelines = [Pipeline(stopped, f'/p{number}') for number in range(CLIENTS)]
        for pipeline in pipelines:
            self.addCleanup(pipeline.client.close)
            pipeline.start()
        self.ensemble.await_that(
            lambda: all(each.failure or each.answered > BEFORE_THE_STOP for each in pipelines),
            'writes are under way')
        self.assertEqual(stopped.stop(), 0)
        for number, pipeline in enumerate(pipelines):
            pipeline.join(30)
            self.assertIsNone(pipeline.failure)
            self.assertFalse(pipeline.is_alive())
            # One attempt, at whoever it is.
            with WireClient(others[number % len(others)], timeout_ms=20_000,
                            **pipeline.client.credentials) as again:
                self.assertEqual(again.session_id, pipeline.client.session_id)
                again.sync()
                present = sorted(again.get_children(pipeline.base))
                self.assertEqual(present, [f'{i:06}' for i in range(pipeline.answered)])
                self.assertEqual(again.stat(f'{pipeline.base}-ephemeral').ephemeral_owner,
                                 again.session_id)
                again.create(f'{pipeline.base}/goes-on')

    def test_of_the_leader(self):
        self.check_stop_of(self.ensemble.leader())

    def test_of_a_follower(self):
        self.check_stop_of(self.ensemble.others(self.ensemble.leader())[0])


if __name__ == '__main__':
    unittest.main()
