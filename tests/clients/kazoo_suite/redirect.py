"""A pytest plugin: kazoo's own tests, as its package ships them, against a server of this harness.

kazoo's tests take their servers from kazoo.testing.harness, which starts Java processes in a
cluster class; here that class is replaced by `ServerCluster`. A cluster has one member, a single
node, except in the tests of FAILOVER_TESTS, which only ask that a client finds another address of
its list: they get two more nodes. Stopping and starting a member does so to its process.

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

from harness.cases import make_server
from harness.ensemble import EnsembleAsServer

FAILOVER_TESTS = ('test_update_host_list',)
SKIPPED = {
    'TestReconfig': 'reconfig is not served',
    'SASL': 'SASL is not served',
    'test_read_only': 'read-only mode begins when an ensemble loses its quorum; this is one node',
}


def _provide_missing_modules():
    """kazoo 2.8 imports two modules that Debian's package does not depend on."""
    sys.modules.setdefault('mock', unittest.mock)
    objgraph = types.ModuleType('objgraph')
    objgraph.count = lambda name: sum(type(thing).__name__ == name for thing in gc.get_objects())
    sys.modules.setdefault('objgraph', objgraph)


class Member:
    """What kazoo's tests use of a managed server, done with a server process of ours."""

    def __init__(self):
        self._server = make_server()

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
    clusters = []

    def __init__(self, **_):
        self._members = []
        self.clusters.append(self)

    def choose_next(self):
        """Where a member is an ensemble: the next test talks to another server of it."""
        for member in self._members:
            member.choose_next()

    def _active(self):
        while len(self._members) < self.size_wanted:
            member = Member()
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
        for member in self._members:
            member.stop()

    def terminate(self):
        for member in self._members:
            member.destroy()
        self._members = []


def _class_of(item):
    return item.nodeid.rpartition('::')[0]


def _keep_part(items, part, parts):
    """Deals the classes of tests, the largest first, to the parts; returns one part's tests."""
    sizes = collections.Counter(_class_of(item) for item in items)
    ordered = sorted(sizes, key=lambda name: (-sizes[name], name))
    mine = {name for place, name in enumerate(ordered) if place % parts == part}
    return [item for item in items if _class_of(item) in mine]


def pytest_addoption(parser):
    parser.addoption('--part', default='0/1')
    parser.addoption('--results')


def pytest_configure(config):
    _provide_missing_modules()
    os.environ.setdefault('ZOOKEEPER_VERSION', '3.8.0')
    from kazoo.testing import harness
    harness.ZookeeperCluster = ServerCluster
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
