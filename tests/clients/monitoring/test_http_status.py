"""The HTTP status and the metrics' port, of members that start, lose their quorum and stop."""

import http.client
import os
import signal
import socket
import unittest

from harness import records
from harness.ensemble import Ensemble
from harness.server import LOOPBACK, Topod, free_port
from harness.wire import WireClient, four_letter

from .members import MonitoredMember, command, get, metrics


# What Apache's documented alert rules and Grafana Labs' library for ZooKeeper ask for, but for Java.
NAMES_OF_DASHBOARDS = (
    'znode_count', 'watch_count', 'ephemerals_count', 'approximate_data_size',
    'num_alive_connections', 'outstanding_requests', 'avg_latency', 'min_latency', 'max_latency',
    'packets_received', 'packets_sent', 'open_file_descriptor_count', 'quorum_size',
    'election_time_count', 'election_time_sum', 'fsynctime_count', 'fsynctime_sum',
    'snapshottime_count', 'snapshottime_sum', 'leader_uptime', 'synced_followers', 'pending_syncs')


class HttpStatusTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.ensemble = Ensemble(3, make_member=MonitoredMember)
        cls.addClassCleanup(cls.ensemble.close)
        cls.ensemble.start()

    def setUp(self):
        self.ensemble.start().await_all_serve()
        self.leader = self.ensemble.leader()

    def await_answer(self, member, path, status):
        def answers():
            try:
                return get(member.status_port, path)[0] == status
            except (OSError, http.client.HTTPException):
                return False
        self.ensemble.await_that(answers, f'{path} is {status}')

    def test_who_serves_is_ready_and_shows_itself(self):
        for member in self.ensemble.members:
            self.assertEqual(get(member.status_port, '/healthz'), (200, 'ok\n'))
            self.assertEqual(get(member.status_port, '/readyz'), (200, 'ready\n'))
            state = command(member, 'zabstate')
            self.assertEqual((state['myid'], state['zabstate'], state['error']),
                             (member.number, 'broadcast', None))
            self.assertEqual(command(member, 'lead')['leader_id'], self.leader.number)
            self.assertEqual(sorted(command(member, 'voting_view')['current_config']),
                             ['1', '2', '3'])
            figures = command(member, 'monitor')
            words = member.figures()
            self.assertEqual(set(figures) - {'command', 'error'}, set(words))
            self.assertEqual(figures['server_state'], words['server_state'])
            self.assertEqual(command(member, 'srvr')['server_stats']['server_state'],
                             member.mode())

    def test_without_a_quorum_nobody_is_ready_and_everybody_healthy(self):
        survivor = self.ensemble.others(self.leader)[0]
        for other in self.ensemble.others(survivor):
            other.kill()
        self.await_answer(survivor, '/readyz', 503)
        self.assertEqual(get(survivor.status_port, '/healthz')[0], 200)
        self.assertIn('not currently serving', command(survivor, 'srvr')['error'])
        self.assertEqual(metrics(survivor)['topod_serving'], 0)
        self.ensemble.start()
        self.await_answer(survivor, '/readyz', 200)

    def test_who_waits_for_the_others_is_healthy_and_not_ready(self):
        member = self.ensemble.others(self.leader)[0]
        for each in self.ensemble.members:
            each.kill()
        member.launch()
        self.await_answer(member, '/healthz', 200)
        self.assertEqual(get(member.status_port, '/readyz')[0], 503)
        self.ensemble.start()

    def test_who_stops_is_not_ready_any_more(self):
        member = self.ensemble.others(self.leader)[0]
        with WireClient(member) as client:
            # A client that does not read its answer holds the stop up.
            client.create('/big', b'x' * 1_000_000)
            for _ in range(20):
                client.send(records.get_data('/big'))
            os.kill(member.pid, signal.SIGTERM)
            self.await_answer(member, '/readyz', 503)
            self.assertEqual(get(member.status_port, '/healthz')[0], 200)
        member.stop()

    def test_a_process_that_hangs_answers_no_probe(self):
        member = self.ensemble.others(self.leader)[0]
        member.pause()
        self.addCleanup(member.resume)
        with self.assertRaises(OSError):
            connection = http.client.HTTPConnection(LOOPBACK, member.status_port, timeout=1)
            connection.request('GET', '/healthz')
            connection.getresponse()

    def test_nothing_can_be_changed_and_garbage_harms_nobody(self):
        port = self.leader.status_port
        for method in ('POST', 'PUT', 'DELETE'):
            self.assertEqual(get(port, '/commands/srst', method)[0], 405)
        self.assertIn('Unknown command', command(self.leader, 'srst')['error'])
        self.assertEqual(get(port, '/')[0], 404)
        for garbage in (b'\0' * 100, b'GET ' + b'/' * 100_000, b'srvr', b''):
            for target in (port, self.leader.metrics_port):
                with socket.create_connection((LOOPBACK, target), timeout=20) as bare:
                    try:
                        bare.sendall(garbage + b'\r\n\r\n')
                    except OSError:
                        pass  # it has been cut off before the end
        self.assertEqual(get(port, '/readyz')[0], 200)
        self.assertEqual(get(self.leader.metrics_port, '/metrics')[0], 200)
        self.assertEqual(get(self.leader.metrics_port, '/healthz')[0], 404)

    def test_the_metrics_tell_what_mntr_tells(self):
        with WireClient(self.leader) as client:
            client.create('/counted', b'')
            client.get_data('/counted')
        told = metrics(self.leader)
        words = self.leader.figures()
        self.assertEqual(told['znode_count'], float(words['znode_count']))
        self.assertEqual(told['topod_znodes'], told['znode_count'])
        self.assertEqual([name for name in NAMES_OF_DASHBOARDS if name not in told], [])
        self.assertEqual(told['synced_followers'], 2)
        self.assertEqual(told['topod_role{role="leader"}'], 1)
        self.assertGreaterEqual(told['topod_requests_total{operation="create"}'], 1)
        self.assertGreaterEqual(told['topod_proposal_duration_seconds_count'], 1)
        for other in self.ensemble.others(self.leader):
            name = f'topod_follower_lag_transactions{{server="{other.number}"}}'
            self.assertIn(name, told)
            self.assertGreaterEqual(metrics(other)['topod_commit_duration_seconds_count'], 1)


class PortsTest(unittest.TestCase):

    def test_neither_port_is_open_unless_asked_for(self):
        with Topod() as server:
            self.assertNotIn('monitoring:', server.log_text())

    def test_a_metrics_port_that_is_taken_is_told_at_the_start(self):
        with socket.socket() as taken:
            taken.bind((LOOPBACK, 0))
            taken.listen()
            config = {'metricsProvider.httpPort': taken.getsockname()[1],
                      'metricsProvider.httpHost': LOOPBACK}
            server = Topod(config=config)
            self.addCleanup(server.close)
            with self.assertRaisesRegex(Exception, 'cannot serve HTTP'):
                server.start()

    def test_a_status_port_that_is_taken_is_told_and_the_server_goes_on(self):
        with socket.socket() as taken:
            taken.bind((LOOPBACK, 0))
            taken.listen()
            with Topod(config={'admin.serverPort': taken.getsockname()[1]}) as server:
                self.assertIn('the HTTP status is not served', server.log_text())
                self.assertEqual(four_letter(server, 'ruok'), 'imok')

    def test_a_stop_waits_for_nobody_who_asks(self):
        config = {'admin.serverPort': free_port()}
        with Topod(config=config) as server:
            with socket.create_connection((LOOPBACK, config['admin.serverPort'])) as slow:
                slow.sendall(b'GET /hea')
                self.assertEqual(get(config['admin.serverPort'], '/healthz')[0], 200)
                slow.close()
            self.assertEqual(server.stop(), 0)


if __name__ == '__main__':
    unittest.main()
