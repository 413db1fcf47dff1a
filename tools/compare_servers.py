"""What tools/compare measures with: the two sides, their processes, and topobench.

The servers are those of the client tests' harness, with what a benchmark needs instead: Apache
ZooKeeper runs as Debian's package starts it, with the JVM's own defaults and every write synced.
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'clients'))

from harness.ensemble import Ensemble, MemberOfEnsemble  # noqa: E402
from harness.server import Apache, ServerError, Topod, free_port  # noqa: E402,F401

APACHE_CLASS_PATH = '/etc/zookeeper/conf:/usr/share/java/zookeeper.jar'
BENCHMARK_SECONDS_MAX = 1200
PAUSE_SECONDS = 1
QUIET_CORES_MAX = 0.3


class BenchmarkError(Exception):
    """topobench found errors, or did not end."""


class DebianApache(Apache):
    """Apache ZooKeeper as Debian's zkServer.sh runs it. `heap`: as in "2g", None = the default."""

    def __init__(self, heap=None, config=None):
        super().__init__(config=config)
        self.heap = heap

    def _prepare(self):
        self.port = self.port or free_port()
        path = self._write_config({
            'tickTime': 2000, 'dataDir': self.data_dir, 'clientPort': self.port,
            'clientPortAddress': self.host, 'maxClientCnxns': 0, 'autopurge.purgeInterval': 0,
            'admin.enableServer': 'false', '4lw.commands.whitelist': '*'} | self.config)
        heap = [f'-Xmx{self.heap}'] if self.heap else []
        command = ['java', *heap, f'-Dzookeeper.log.dir={self.folder}',
                   '-Dzookeeper.root.logger=INFO,CONSOLE', '-Dzookeeper.jmx.log4j.disable=true',
                   '-cp', APACHE_CLASS_PATH,
                   'org.apache.zookeeper.server.quorum.QuorumPeerMain', str(path)]
        return command, {**os.environ, 'JMXDISABLE': 'true'}


class ApacheMember(MemberOfEnsemble, DebianApache):
    """One Apache ZooKeeper of an ensemble."""


@contextlib.contextmanager
def running(sides, make):
    """What `make` gives for each side, started, by its name; ended in the end."""
    with contextlib.ExitStack() as stack:
        yield {side: stack.enter_context(make(side)) for side in sides}


class CpuShare(threading.Thread):
    """How many cores some processes use, from `after` seconds on for `seconds`."""

    def __init__(self, pids, after, seconds):
        super().__init__()
        self.pids = pids
        self.after = after
        self.seconds = seconds
        self.cores = 0

    def run(self):
        time.sleep(self.after)
        before, began = self.used_seconds(), time.monotonic()
        time.sleep(self.seconds)
        self.cores = (self.used_seconds() - before) / (time.monotonic() - began)

    def used_seconds(self):
        """Processor time of all threads, those that have ended included."""
        ticks = 0
        for pid in self.pids:
            fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf('SC_CLK_TCK')


class Setting:
    """The command line of tools/compare, and how to start what it names."""

    def __init__(self, arguments):
        self.seconds = arguments.seconds
        self.warmup = arguments.warmup
        self.znodes = arguments.znodes
        self.directory = arguments.directory.resolve()
        self.topobench = arguments.build.resolve() / 'tools' / 'bench' / 'topobench'
        self.topod = (arguments.topod or arguments.build / 'server' / 'topod').resolve()
        self.against = arguments.against.resolve() if arguments.against else None
        self.sides = (arguments.only,) if arguments.only else ('topod', 'baseline')
        needed = [] if arguments.table else [self.topobench]
        if not arguments.table and arguments.only != 'baseline':
            needed.append(self.topod)
        for program in needed:
            if not program.exists():
                raise BenchmarkError(f'{program} is missing: tools/build, or name another --build')
        # The harness asks Python for its folders.
        tempfile.tempdir = str(self.directory)

    def parameters(self):
        """What results depend on; those of other parameters are not comparable."""
        return {'seconds': self.seconds, 'warmup': self.warmup, 'znodes': self.znodes,
                'baseline': self.label('baseline')}

    def label(self, side):
        if side != 'baseline':
            return side
        return str(self.against) if self.against else 'Apache ZooKeeper'

    def server(self, side, heap=None):
        """A server of that side, not yet started, with an empty data directory."""
        if side == 'topod':
            return Topod(binary=self.topod)
        return Topod(binary=self.against) if self.against else DebianApache(heap)

    def ensemble(self, side, ticks):
        """Three servers of that side, not yet started, with empty data directories."""
        binary = self.topod if side == 'topod' else self.against
        if binary is None:
            return Ensemble(3, config=ticks, make_member=ApacheMember)
        return Ensemble(3, config=ticks, binary=binary)

    def command(self, *arguments):
        return [str(self.topobench), *map(str, arguments), '--json']

    def bench(self, *arguments):
        """Runs topobench to its end; returns its report."""
        command = self.command(*arguments)
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=BENCHMARK_SECONDS_MAX, check=False)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f'did not end: {" ".join(command)}') from None
        if done.returncode != 0:
            raise BenchmarkError(f'{" ".join(command)}\n{done.stdout}{done.stderr}')
        return json.loads(done.stdout)

    def bench_server(self, server, *arguments):
        """The same against a server, with its processor time."""
        return self.bench(*arguments, '--servers', server.address, '--server-pid', server.pid)

    def bench_ensemble(self, ensemble, servers, *arguments):
        """The same against these servers of an ensemble, with the time of all that belong to it."""
        # Shorter than the run, so that it ends before: the load is even all the time.
        share = CpuShare([member.pid for member in ensemble.members],
                         self.warmup, 0.8 * self.seconds)
        share.start()
        addresses = ','.join(server.address for server in servers)
        try:
            report = self.bench(*arguments, '--servers', addresses)
        finally:
            share.join()
        report['server'] = {'cpu_share': share.cores,
                            'cpu_us_per_operation': share.cores * 1e6 / report['throughput']}
        return report


def busy_seconds():
    """Processor time that the whole machine has used, in seconds of one core."""
    fields = pathlib.Path('/proc/stat').read_text().split('\n', 1)[0].split()[1:9]
    user, nice, system, _idle, _waiting, *interrupts = map(int, fields)
    return (user + nice + system + sum(interrupts)) / os.sysconf('SC_CLK_TCK')


def pause():
    """A second of rest, so that what one server still writes is not counted against the other.
    Returns how many cores others kept busy meanwhile, and complains if it is too much."""
    before, began = busy_seconds(), time.monotonic()
    time.sleep(PAUSE_SECONDS)
    cores = (busy_seconds() - before) / (time.monotonic() - began)
    if cores > QUIET_CORES_MAX:
        print(f'warning: something else keeps {cores:.1f} cores busy; do not trust these figures',
              file=sys.stderr, flush=True)
    return round(cores, 2)


def resident_bytes(pid):
    """Memory of a process by kind: {"RssAnon": bytes, "RssFile": bytes, "VmRSS": bytes}."""
    memory = {}
    for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines():
        key, _, value = line.partition(':')
        if key in ('VmRSS', 'RssAnon', 'RssFile'):
            memory[key] = int(value.split()[0]) * 1024
    return memory


def settled_resident_bytes(server, seconds=30):
    """The same once it has stopped changing, or after that time; garbage is collected before."""
    if server.is_apache and shutil.which('jcmd'):
        subprocess.run(['jcmd', str(server.pid), 'GC.run'], stdout=subprocess.DEVNULL, check=False)
    deadline = time.monotonic() + seconds
    memory = resident_bytes(server.pid)
    quiet = 0
    while quiet < 3 and time.monotonic() < deadline:
        time.sleep(1)
        latest = resident_bytes(server.pid)
        changed = abs(latest['VmRSS'] - memory['VmRSS']) > memory['VmRSS'] // 1000
        quiet = 0 if changed else quiet + 1
        memory = latest
    return memory


def drop_page_cache():
    """Makes the next start a cold one. False when this user may not."""
    os.sync()
    try:
        pathlib.Path('/proc/sys/vm/drop_caches').write_text('3')
    except OSError:
        return False
    return True
