"""What an operator learns of bad company: a line of the log that says why, not one for each of a
thousand, and counters that have them all."""

import re
import socket
import struct
import time
import unittest
import urllib.request

from harness.cases import ServerCase, differs_from_apache, differs_in_ensemble
from harness.server import LOOPBACK, free_port
from harness.wire import DEADLINE, Closed, RawConnection

MANY = 200
LINES_PER_SECOND = 10
TOO_LONG = 17 << 20  # setWatches may have 16 MiB
ELSEWHERE = '127.0.0.2'  # another address of this machine, with a limit of its own


@differs_from_apache('its log and its counters are of another make')
@differs_in_ensemble('its members count each for themselves')
class ComplaintCase(ServerCase):

    limits = {}

    @classmethod
    def setUpClass(cls):
        cls.metrics_port = free_port()
        cls.config = cls.limits | {'metricsProvider.httpHost': LOOPBACK,
                                   'metricsProvider.httpPort': cls.metrics_port}
        super().setUpClass()

    def figure(self, name):
        """A figure of mntr, asked for from elsewhere."""
        with socket.create_connection((self.server.host, self.server.port), DEADLINE,
                                      (ELSEWHERE, 0)) as asking:
            asking.sendall(b'mntr')
            text = b''.join(iter(lambda: asking.recv(65536), b'')).decode()
        return int(re.search(rf'^zk_{name}\t(\d+)$', text, re.MULTILINE).group(1))

    def metric(self, name):
        with urllib.request.urlopen(f'http://{LOOPBACK}:{self.metrics_port}/metrics',
                                    timeout=DEADLINE) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.rsplit(' ', 1)[1]) for line in lines
                    if line.startswith(name + ' '))

    def open_many(self):
        return [self.connect_raw() for _ in range(MANY)]

    def assert_told(self, line, figure, reason):
        """MANY such lines have been written or left out, and all of them are counted."""
        def written():
            return len(re.findall(line, self.server.log_text()))

        def left_out():
            found = re.findall(r'client: left out lines of the last second lines=(\d+)',
                               self.server.log_text())
            return sum(map(int, found))

        give_up = time.monotonic() + DEADLINE
        while written() + left_out() < MANY:
            self.assertLess(time.monotonic(), give_up, self.server.log_text()[-2000:])
            time.sleep(0.01)
        self.assertEqual(written() + left_out(), MANY)
        self.assertGreaterEqual(written(), LINES_PER_SECOND)
        self.assertGreater(left_out(), 0)
        self.assertEqual(self.figure(figure), MANY)
        self.assertEqual(self.metric(f'topod_refusals_total{{reason="{reason}"}}'), MANY)


class GarbageIsTold(ComplaintCase):

    def test_first_bytes_that_are_no_request(self):
        connections = self.open_many()
        for connection in connections:
            connection.send_raw(b'\xff' * 60)
        for connection in connections:
            self.assert_closed_silently(connection)
        self.assert_told('client: closed connection reason="first bytes are neither a connect '
                         'request nor a known word" peer=127.0.0.1',
                         'large_requests_rejected', 'bad_frame')


class LongFramesAreTold(ComplaintCase):
    limits = {'jute.maxbuffer': 2000}

    def test_a_frame_that_is_too_long(self):
        clients = [self.connect() for _ in range(MANY)]
        for client in clients:
            client.send_raw(struct.pack('>i', TOO_LONG))
        for client in clients:
            self.assert_closed_silently(client)
        self.assert_told(f'client: closed connection reason="frame length {TOO_LONG} is not between 1 '
                         'and 2000" peer=127.0.0.1', 'large_requests_rejected', 'bad_frame')


class SilenceIsTold(ComplaintCase):
    limits = {'nio.sessionlessCnxnTimeout': 300}

    def test_connections_that_never_send(self):
        for connection in self.open_many():
            self.assert_closed_silently(connection)
        self.assert_told('client: closed connection reason="no session within 300 ms" '
                         'peer=127.0.0.1', 'sessionless_connections_expired',
                         'no_session_in_time')


class CrowdsAreTold(ComplaintCase):
    limits = {'maxClientCnxns': 3}

    def test_connections_beyond_the_limit_of_an_address(self):
        kept = [self.connect() for _ in range(3)]
        for _ in range(MANY):
            with RawConnection(self.server) as refused:
                try:
                    self.assertEqual(refused.receive_until_closed(), b'')
                except (Closed, ConnectionError):
                    pass
        for client in kept:
            self.assert_alive(client)
        self.assert_told('client: refused connection limit=maxClientCnxns peer=127.0.0.1',
                         'connection_rejected', 'maxClientCnxns')


if __name__ == '__main__':
    unittest.main()
