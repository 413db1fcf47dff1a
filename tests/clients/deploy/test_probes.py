"""The probes of the Kubernetes manifests, asked of real processes from start to end.

A kubelet takes a status from 200 to 399 for success and everything else for failure.
"""

import time
import unittest
import urllib.request

from harness.ensemble import Ensemble
from harness.server import LOOPBACK, POLL_INTERVAL, START_DEADLINE, free_ports

from .test_kubernetes import CELL

PROBE_TIMEOUT_S = 1


class ProbedEnsemble(Ensemble):
    """Members that serve their status as the manifest's configuration has it: each at a port of
    its own, for they share an address here."""

    def __init__(self):
        super().__init__(3)
        for member, port in zip(self.members, free_ports(3)):
            member.http_port = port
            member.config |= {'admin.serverPort': port, 'admin.serverAddress': LOOPBACK}


def succeeds(member, probe):
    """Whether the probe of this name does; without an answer it does not."""
    what = CELL.container[f'{probe}Probe']['httpGet']
    try:
        with urllib.request.urlopen(f'http://{LOOPBACK}:{member.http_port}{what["path"]}',
                                    timeout=PROBE_TIMEOUT_S) as answer:
            return 200 <= answer.status < 400
    except OSError:  # a refusal, and every status that is an error
        return False


class Probes(unittest.TestCase):

    def setUp(self):
        self.ensemble = ProbedEnsemble()
        self.addCleanup(self.ensemble.close)

    def probes(self, member):
        return {name: succeeds(member, name) for name in ('startup', 'liveness', 'readiness')}

    def assert_becomes(self, members, ready):
        """All of them are alive, and ready or not, before long."""
        give_up = time.monotonic() + START_DEADLINE
        wanted = {'startup': True, 'liveness': True, 'readiness': ready}
        while (seen := [self.probes(member) for member in members]) != len(members) * [wanted]:
            self.assertLess(time.monotonic(), give_up, seen)
            time.sleep(POLL_INTERVAL)

    def test_from_start_over_the_loss_of_the_quorum_to_the_end(self):
        first, second, third = self.ensemble.members
        first.launch()
        # Alive, so that it is left in peace, and not ready: it is alone.
        self.assert_becomes([first], ready=False)
        self.ensemble.start()
        self.assert_becomes([first, second, third], ready=True)

        second.kill()
        self.assert_becomes([first, third], ready=True)
        third.kill()
        self.assert_becomes([first], ready=False)
        second.launch()
        self.assert_becomes([first, second], ready=True)

        self.assertEqual(first.stop(), 0)
        self.assertFalse(any(self.probes(first).values()))
        self.assert_becomes([second], ready=False)

    def test_a_process_that_hangs_is_not_alive(self):
        first = self.ensemble.start()[1]
        self.assert_becomes([first], ready=True)
        first.pause()
        self.assertFalse(succeeds(first, 'liveness'))


if __name__ == '__main__':
    unittest.main()
