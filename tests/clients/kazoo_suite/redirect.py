"""A pytest plugin: kazoo's own tests, as its package ships them, against a server of this harness.

kazoo's tests take their servers from kazoo.testing.harness, which starts Java processes in a
cluster class; here that class is replaced by `ServerCluster`. A cluster has one member, a single
node, with two exceptions: FAILOVER_TESTS only ask that a client finds another address of its list
and get two more nodes; QUORUM_TESTS take servers away from an ensemble and get one, of three
members with read-only mode. Stopping and starting a member does so to its process.

In QUORUM_TESTS a client that is disconnected asks for a new session. A server without a quorum
closes connections that bring a session of the ensemble, as ZooKeeper does since 3.5, and kazoo would
bring its own for ever; later versions of kazoo run this test with local sessions for that reason.

Options: --part i/n runs the i-th of n parts (a class of tests is never divided), --results FILE
receives one JSON object per finished test.
"""

import collections
import gc
import json
import os
import sys
import types
import unittest.mock

import pytest

from harness.cases import TESTS_APACHE, make_server
from harness.ensemble import Ensemble, EnsembleAsServer

FAILOVER_TESTS = ('test_update_host_list',)
QUORUM_TESTS = ('test_read_only',)
SKIPPED = {
    'TestReconfig': 'reconfig is not served',
    'SASL': 'SASL is not served',
}
if TESTS_APACHE:
    SKIPPED |= dict.fromkeys(QUORUM_TESTS, 'only topod is run as an ensemble here')


def _provide_missing_modules():
    """kazoo 2.8 imports two modules that Debian's package does not depend on."""
    sys.modules.setdefault('mock', unittest.mock)
    objgraph = types.ModuleType('objgraph')
    objgraph.count = lambda name: sum(type(thing).__name__ == name for thing in gc.get_objects())
    sys.modules.setdefault('objgraph', objgraph)


class Member:
    """What kazoo's tests use of a managed server, done with a server process of ours."""

    def __init__(self, server):
        self._server = server

    @property
    def running(self):
        return self._server.is_alive()

    @property
    def client_port(self):
        return self._server.port

    @property
    def address(self):
        return self._server.address

    def run(self):
        if not self.running:
            self._server.start()

    def stop(self):
        if self.running:
            self._server.stop()

    def choose_next(self):
        if isinstance(self._server, EnsembleAsServer):
            self._server.choose_next()

    def destroy(self):
        self._server.close()


class ServerCluster:
    """Takes the place of kazoo.testing.common.ZookeeperCluster."""

    size_wanted = 1
    wants_quorum = False
    clusters = []

    def __init__(self, **_):
        self._members = []
        self._quorum = []
        self.clusters.append(self)

    def choose_next(self):
        """Where a member is an ensemble: the next test talks to another server of it."""
        for member in self._members:
            member.choose_next()

    def _active(self):
        if self.wants_quorum:
            # All at once: it takes all members to found an ensemble.
            if not self._quorum:
                ensemble = Ensemble(3, config={'readonlymode.enabled': 'true'})
                self._quorum = [Member(server) for server in ensemble.members]
                ensemble.start()
            return self._quorum
        while len(self._members) < self.size_wanted:
            member = Member(make_server())
            member.run()
            self._members.append(member)
        return self._members[:self.size_wanted]

    def __getitem__(self, index):
        return self._active()[index]

    def __iter__(self):
        return iter(self._active())

    def start(self):
        for member in self:
            member.run()

    def stop(self):
        for member in self._members + self._quorum:
            member.stop()

    def terminate(self):
        for member in self._members + self._quorum:
            member.destroy()
        self._members, self._quorum = [], []


def _class_of(item):
    return item.nodeid.rpartition('::')[0]


def _keep_part(items, part, parts):
    """Deals the classes of tests, the largest first, to the parts; returns one part's tests."""
    sizes = collections.Counter(_class_of(item) for item in items)
    ordered = sorted(sizes, key=lambda name: (-sizes[name], name))
    mine = {name for place, name in enumerate(ordered) if place % parts == part}
    return [item for item in items if _class_of(item) in mine]


def _forget_sessions(harness):
    """In QUORUM_TESTS the client gives up its session when it is disconnected."""
    from kazoo.client import KazooState
    set_up = harness.KazooTestHarness.setup_zookeeper

    def set_up_and_listen(test, **options):
        set_up(test, **options)
        if ServerCluster.wants_quorum:
            client = test.client
            client.add_listener(
                lambda state: client._reset_session() if state == KazooState.SUSPENDED else None)

    harness.KazooTestHarness.setup_zookeeper = set_up_and_listen


def pytest_addoption(parser):
    parser.addoption('--part', default='0/1')
    parser.addoption('--results')


def pytest_configure(config):
    _provide_missing_modules()
    os.environ.setdefault('ZOOKEEPER_VERSION', '3.8.0')
    from kazoo.testing import harness
    harness.ZookeeperCluster = ServerCluster
    _forget_sessions(harness)
    config.finished = {}


def pytest_collection_modifyitems(config, items):
    part, parts = map(int, config.getoption('--part').split('/'))
    items[:] = _keep_part(items, part, parts)
    for item in items:
        for word, reason in SKIPPED.items():
            if word in item.nodeid:
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_runtest_setup(item):
    ServerCluster.size_wanted = 3 if item.name in FAILOVER_TESTS else 1
    ServerCluster.wants_quorum = item.name in QUORUM_TESTS
    for cluster in ServerCluster.clusters:
        cluster.choose_next()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A test has three phases; the first that does not pass decides, and the last one reports."""
    report = (yield).get_result()
    outcome = item.config.finished.setdefault(
        item.nodeid, {'test': item.nodeid, 'outcome': 'passed', 'text': '', 'seconds': 0.0})
    outcome['seconds'] += report.duration
    if outcome['outcome'] == 'passed' and report.outcome != 'passed':
        outcome['outcome'] = report.outcome
        outcome['text'] = str(report.longrepr)
    if report.when == 'teardown' and item.config.getoption('--results'):
        with open(item.config.getoption('--results'), 'a', encoding='utf-8') as results:
            results.write(json.dumps(outcome) + '\n')
