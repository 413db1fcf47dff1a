"""A real Prometheus reads three members: alerts fire, and the dashboard shows something."""

import json
import logging
import math
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

from kazoo.client import KazooClient

from harness.ensemble import Ensemble
from harness.server import LOOPBACK, REPOSITORY, free_port

from .members import MonitoredMember, get

# Members die under its clients on purpose.
logging.getLogger('kazoo').setLevel(logging.CRITICAL)

CONF = REPOSITORY / 'conf'
SLOW_MS = 600
LOCK = '/vitess/global/keyspaces/commerce/locks'


def at_test_speed(rules):
    """The rules with windows and patience of seconds; conditions and limits stay as they are.

    But for the disk's limit: what else runs on a machine that tests makes flushes slow.
    """
    rules = re.sub(r'for: \w+', 'for: 2s', re.sub(r'\[\d+m\]', '[5s]', rules))
    if rules.count('> 0.02\n') != 1:
        raise AssertionError('the limit of TopodSlowDisk is not where this test expects it')
    return rules.replace('> 0.02\n', '> 0.2\n')


class Prometheus:
    """A Prometheus of its own on loopback, with the repository's configuration at test speed."""

    def __init__(self, targets):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='prometheus-'))
        self.port = free_port()
        text = (CONF / 'prometheus/prometheus.yml').read_text()
        text = re.sub(r'targets: \[.*\]', f'targets: {json.dumps(targets)}', text)
        text = re.sub(r'_interval: \w+', '_interval: 500ms', text)
        (self.folder / 'prometheus.yml').write_text(text)
        rules = (CONF / 'prometheus/topod_alerts.yml').read_text()
        (self.folder / 'topod_alerts.yml').write_text(at_test_speed(rules))
        self.log = open(self.folder / 'log', 'wb')
        self.process = subprocess.Popen(
            ['prometheus', '--config.file=prometheus.yml', '--storage.tsdb.path=data',
             f'--web.listen-address={LOOPBACK}:{self.port}', '--query.lookback-delta=5s'],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, path, **parameters):
        url = f'http://{LOOPBACK}:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}'
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)['data']

    def query(self, expression):
        """What is found: pairs of labels and value. Nothing yet while it starts."""
        try:
            return [(one['metric'], float(one['value'][1]))
                    for one in self.ask('query', query=expression)['result']]
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise AssertionError(f'{expression}: {error.read().decode()}') from None
            return []
        except OSError:
            return []

    def firing(self):
        """The alerts that fire: pairs of name and instance (or ensemble)."""
        return {(alert['labels']['alertname'],
                 alert['labels'].get('instance', alert['labels'].get('ensemble')))
                for alert in self.ask('alerts')['alerts'] if alert['state'] == 'firing'}


class Load:
    """Clients that write, read and contend for one lock until they are told to stop."""

    def __init__(self, hosts):
        self.stopping = threading.Event()
        self.clients = [KazooClient(hosts) for _ in range(2)]
        self.threads = [threading.Thread(target=self._work, args=(client, f'/load/{i}'), daemon=True)
                        for i, client in enumerate(self.clients)]

    def start(self):
        for client in self.clients:
            client.start()
        self.clients[0].ensure_path(LOCK)
        self.clients[0].ensure_path('/load')
        for thread in self.threads:
            thread.start()

    def _work(self, client, path):
        client.create(path, b'')
        lock = client.Lock(LOCK, path)
        while not self.stopping.is_set():
            try:
                # Without a timeout kazoo goes on trying on a client that has been stopped.
                if not lock.acquire(timeout=2):
                    continue
                client.set(path, b'x' * 100)
                client.get(path, watch=lambda event: None)
                client.get_children('/load')
                lock.release()
                self.stopping.wait(0.01)
            except Exception:  # a member has died under it: on with the next one
                self.stopping.wait(0.05)

    def stop(self):
        self.stopping.set()
        for client in self.clients:
            client.stop()  # whatever waits for an answer ends
        for thread in self.threads:
            thread.join(20)
        for client in self.clients:
            client.close()


def promtool(*arguments, cwd=None, told=''):
    """Fails if promtool does."""
    done = subprocess.run(['promtool', *arguments], cwd=cwd, input=told, capture_output=True,
                          text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f'promtool {arguments}: {done.stdout}{done.stderr}')


def dashboard_queries():
    """Each query of the dashboard, its variables filled in, by the title of its panel."""
    dashboard = json.loads((CONF / 'grafana/topod.json').read_text())
    for panel in dashboard['panels']:
        for target in panel.get('targets', []):
            expression = target['expr'].replace('$__rate_interval', '5s')
            yield panel['title'], re.sub(r'\$(ensemble|instance)', '.*', expression)


class PrometheusTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.ensemble = Ensemble(3, make_member=MonitoredMember)
        cls.addClassCleanup(cls.ensemble.close)
        cls.ensemble.start()
        cls.prometheus = Prometheus([member.metrics_address for member in cls.ensemble.members])
        cls.addClassCleanup(cls.prometheus.close)
        load = Load(cls.ensemble.hosts)
        cls.addClassCleanup(load.stop)
        load.start()
        cls.ensemble.await_that(lambda: len(cls.prometheus.query('topod_serving == 1')) == 3,
                                'three members are scraped')

    def await_firing(self, alert):
        self.ensemble.await_that(lambda: alert in self.prometheus.firing(), f'{alert} fires')

    def test_0_promtool_has_nothing_to_say_about_our_metrics(self):
        for member in self.ensemble.members:
            status, text = get(member.metrics_port, '/metrics')
            self.assertEqual(status, 200)
            # ZooKeeper's own names are older than the rules.
            ours = [line for line in text.splitlines(keepends=True)
                    if re.match('(# (HELP|TYPE) )?(topod|process)_', line)]
            self.assertGreater(len(ours), 100)
            promtool('check', 'metrics', told=''.join(ours))

    def test_1_every_query_of_the_dashboard_finds_something(self):
        queries = list(dashboard_queries())
        self.assertGreater(len(queries), 40)
        for title, expression in queries:
            self.ensemble.await_that(
                lambda: any(not math.isnan(value)
                            for _, value in self.prometheus.query(expression)),
                f'"{title}" shows something: {expression}')

    def test_2_a_slow_disk_is_told_and_nothing_else(self):
        self.ensemble.await_that(lambda: not self.prometheus.firing(), 'all is well')
        slow = self.ensemble.others(self.ensemble.leader())[0]
        slow.slow_down(SLOW_MS)
        self.await_firing(('TopodSlowDisk', slow.metrics_address))
        self.assertEqual({name for name, _ in self.prometheus.firing()}, {'TopodSlowDisk'})
        slow.slow_down(0)
        self.ensemble.await_that(lambda: not self.prometheus.firing(), 'it ends with its cause')

    def test_3_a_member_that_dies_is_told_and_so_is_a_lost_quorum(self):
        leader = self.ensemble.leader()
        dead, last = self.ensemble.others(leader)
        dead.kill()
        self.await_firing(('TopodDown', dead.metrics_address))
        self.await_firing(('TopodQuorumAtRisk', 'global'))
        self.assertNotIn('TopodNoLeader', {name for name, _ in self.prometheus.firing()})
        last.kill()
        self.await_firing(('TopodNoLeader', 'global'))
        self.await_firing(('TopodNotServing', leader.metrics_address))


class RulesTest(unittest.TestCase):

    def test_configuration_and_rules_are_valid(self):
        promtool('check', 'config', 'prometheus.yml', cwd=CONF / 'prometheus')
        promtool('check', 'rules', 'topod_alerts.yml', cwd=CONF / 'prometheus')

    def test_each_alert_fires_for_its_cause_at_its_time(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(CONF / 'prometheus/topod_alerts.yml', folder)
            shutil.copy(pathlib.Path(__file__).with_name('alerts_test.yml'), folder)
            promtool('test', 'rules', 'alerts_test.yml', cwd=folder)

    def test_the_rules_ask_for_metrics_that_the_dashboard_or_topod_knows(self):
        rules = (CONF / 'prometheus/topod_alerts.yml').read_text()
        source = ''.join(path.read_text()
                         for path in (REPOSITORY / 'server/admin').glob('*metrics.cc'))
        shown = ''.join(expression for _, expression in dashboard_queries())
        for name in set(re.findall(r'\b(?:topod|process)_[a-z_]+', rules + shown)):
            stem = re.sub(r'_(bucket|sum|count)$', '', name)
            known = f'"{name}"' in source or f'"{stem}"' in source
            # These are put together from parts.
            composed = re.fullmatch(r'topod_(client|path)_(requests|received_bytes)_total', name)
            self.assertTrue(known or composed, name)


if __name__ == '__main__':
    unittest.main()
