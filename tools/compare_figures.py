"""The figures of tools/compare: what each runs, what is compared, what is required.

A figure opens a measurement (its servers run for as long as that is open) whose `run(side)` returns
the values of one round. Values are numbers by name; those with a `Row` reach the table. Besides the
two sides a figure may have a probe of what the machine itself can do, run in each round, too.
"""

import contextlib
import dataclasses
import json
import statistics
import subprocess
import sys
import time

import compare_failover
import compare_servers

CPU_ROW = 'server CPU per 100,000 operations, s'
PROBE_SECONDS_MAX = 2


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: `value` of a round, and what its ratio to the baseline should be."""
    title: str
    value: str
    at_least: float = None
    at_most: float = None
    has_limit: bool = False  # the figure's probe has this value, too
    value_at_most: float = None
    has_spread: bool = False  # of the values themselves, too
    digits: int = 0


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    rows: tuple
    open: callable
    probe: tuple = ()  # topobench's arguments
    rounds: int = 5  # unless the command line says otherwise
    nodes: int = 1

    def sides(self, setting):
        return (*setting.sides, 'limit') if self.probe else setting.sides


class Throughput:
    """Runs one workload against servers that go on running through all rounds."""

    def __init__(self, setting, workload):
        self.setting = setting
        self.workload = workload
        self.stack = contextlib.ExitStack()
        self.servers = {}

    def __enter__(self):
        self.servers = self.stack.enter_context(
            compare_servers.running(self.setting.sides, self.make))
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def run(self, side):
        others = compare_servers.pause()
        report = self.bench(side, *self.workload, '--seconds', self.setting.seconds,
                            '--warmup', self.setting.warmup)
        if report['generator']['saturated']:
            print('warning: topobench itself was saturated', file=sys.stderr, flush=True)
        return {'throughput': report['throughput'], 'busy_cores_before': others,
                'cpu_seconds': report['server']['cpu_us_per_operation'] / 10,
                'cpu_share': report['server']['cpu_share'],
                'generator_cpu_share': report['generator']['cpu_share'],
                'p50_us': report['latency_us']['p50'], 'p99_us': report['latency_us']['p99'],
                'p99.9_us': report['latency_us']['p99.9']}

    def make(self, side):
        return self.setting.server(side)

    def bench(self, side, *arguments):
        return self.setting.bench_server(self.servers[side], *arguments)


class EnsembleThroughput(Throughput):
    """The same against three servers; `via` says to which of them clients connect: leader,
    follower, or all, which is a third of the connections to each."""

    # Of Debian's configuration.
    TICKS = {'tickTime': 2000, 'initLimit': 10, 'syncLimit': 5}

    def __init__(self, setting, workload, via):
        super().__init__(setting, workload)
        self.via = via

    def make(self, side):
        return self.setting.ensemble(side, self.TICKS)

    def bench(self, side, *arguments):
        ensemble = self.servers[side]
        leader = ensemble.leader()
        followers = ensemble.others(leader)
        servers = {'leader': [leader], 'follower': followers[:1], 'all': [*followers, leader]}
        return self.setting.bench_ensemble(ensemble, servers[self.via], *arguments)


def run_probe(setting, arguments):
    """What the machine itself can do, under the same name as the servers' value."""
    compare_servers.pause()
    directory = [setting.directory] if arguments[0] == 'probe-disk' else []
    report = setting.bench(*arguments, *directory,
                           '--seconds', min(PROBE_SECONDS_MAX, setting.seconds))
    return {'throughput': report['throughput'], 'p50_us': report['latency_us']['p50']}


def throughput_figure(name, title, workload, at_least, probe):
    rows = (Row(f'{title}, per second', 'throughput', at_least=at_least, has_limit=True),
            Row(f'{title}: {CPU_ROW}', 'cpu_seconds', at_most=1 / 3, digits=3),
            Row(f'{title}: p99, µs', 'p99_us'))
    return Figure(name, rows, lambda setting, _: Throughput(setting, workload), probe)


def ensemble_figure(name, title, workload, at_least, via='all', cpu_at_most=None):
    title = f'three nodes, {title}'
    rows = (Row(f'{title}, per second', 'throughput', at_least=at_least),
            Row(f'{title}: {CPU_ROW}', 'cpu_seconds', at_most=cpu_at_most, digits=3),
            Row(f'{title}: p99, µs', 'p99_us'))
    return Figure(name, rows, lambda setting, _: EnsembleThroughput(setting, workload, via),
                  nodes=3)


class ContendedLocks(Throughput):
    """One lock that 1, 10 and 100 clients take in turn, by the same recipe on both sides."""

    CONTENDERS = (1, 10, 100)

    def run(self, side):
        values = {}
        for contenders in self.CONTENDERS:
            compare_servers.pause()
            report = self.bench(side, 'contended-locks', '--connections', contenders,
                                '--seconds', self.setting.seconds,
                                '--warmup', self.setting.warmup)
            values |= {f'cycles_{contenders}': report['throughput'],
                       f'idle_p50_us_{contenders}': report['latency_us']['p50'],
                       f'idle_p99_us_{contenders}': report['latency_us']['p99']}
        return values

    @classmethod
    def rows(cls):
        for contenders in cls.CONTENDERS:
            who = f'one lock, {contenders} contender' + ('s' if contenders > 1 else '')
            yield Row(f'{who}: taken and given back, per second', f'cycles_{contenders}',
                      at_least=2)
            yield Row(f'{who}: until the next one holds it, p50, µs', f'idle_p50_us_{contenders}',
                      at_most=1 / 2)
            yield Row(f'{who}: the same, p99, µs', f'idle_p99_us_{contenders}')


class OpenLoop(Throughput):
    """A mix at a fixed rate: half of the greatest that the baseline reached in the figure mixed."""

    def __init__(self, setting, results):
        rounds = results.get('mixed', {}).get('rounds', [])
        rates = [values['baseline']['throughput'] for values in rounds if 'baseline' in values]
        if not rates:
            raise compare_servers.BenchmarkError('mixed-tail needs the figure mixed before it')
        rate = round(statistics.median(rates) / 2)
        super().__init__(setting, ('mixed', '--connections', 16, '--window', 1000,
                                   '--rate', rate))
        self.rate = rate

    def run(self, side):
        return super().run(side) | {'rate': self.rate}


class Loaded:
    """Many znodes: what they cost in memory, and how soon they are served after a restart."""

    def __init__(self, setting, _):
        self.setting = setting

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def run(self, side):
        compare_servers.pause()
        with self.setting.server(side, heap='2g') as server:
            before = compare_servers.settled_resident_bytes(server)
            load = self.setting.bench_server(
                server, 'load', '--znodes', self.setting.znodes, '--value-size', 100,
                '--batch', 1, '--connections', 16, '--window', 16)
            at_once = compare_servers.resident_bytes(server.pid)
            after = compare_servers.settled_resident_bytes(server)
            values = {'load_per_second': load['throughput'],
                      'load_cpu_seconds': load['server']['cpu_us_per_operation'] / 10,
                      'bytes_at_once': self.per_znode(at_once, before, 'VmRSS'),
                      'bytes': self.per_znode(after, before, 'VmRSS'),
                      'bytes_anonymous': self.per_znode(after, before, 'RssAnon'),
                      'bytes_file': self.per_znode(after, before, 'RssFile')}
            server.stop()
            values['cold'] = compare_servers.drop_page_cache()
            values['restart_seconds'] = self.restart(server)
            restarted = compare_servers.settled_resident_bytes(server)
            values['bytes_after_restart'] = self.per_znode(restarted, before, 'VmRSS')
            return values

    def per_znode(self, after, before, kind):
        return (after[kind] - before[kind]) / self.setting.znodes

    def restart(self, server):
        """Seconds from the start of the process to the first read that was answered."""
        command = self.setting.command('first-read', '--servers', server.address,
                                       '--path', '/topobench-load/p00000000/z00000000')
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
            try:
                time.sleep(0.1)  # until it knocks
                began = time.monotonic()
                server.start()
                output, _ = reader.communicate(timeout=300)
            finally:
                reader.kill()
        if reader.returncode != 0:
            raise compare_servers.BenchmarkError('no read was answered after the restart')
        return json.loads(output)['answered_at_monotonic_seconds'] - began


PIPELINED = ('--connections', 16, '--window', 16)
POINT = ('--connections', 100, '--window', 1)
ONE = ('--connections', 1, '--window', 1)
MANY = ('--connections', 64, '--window', 16)
FEW = ('--connections', 16, '--window', 1)

ELECTION_MS = 150  # what may pass between a failure that was noticed and the next write
HANG_MS = compare_failover.SILENCE_MS
FAILOVER_ROWS = (
    Row('leader killed: to the next write through another server, ms', 'kill_ms',
        at_most=1 / 3, value_at_most=ELECTION_MS, has_spread=True),
    Row('the same: disconnects of that client', 'kill_losses', has_spread=True),
    Row('leader killed: to the next write of one of its own clients, ms', 'kill_own_ms',
        has_spread=True),
    Row(f'leader hangs, noticed after {HANG_MS} ms: to the next write through another server, ms',
        'hang_ms', value_at_most=HANG_MS + ELECTION_MS, has_spread=True),
    Row('the same: disconnects of that client', 'hang_losses', has_spread=True),
)

FIGURES = (
    throughput_figure('reads', 'reads, 16 connections x 16', ('reads', *PIPELINED), 5,
                      ('probe-loopback', *PIPELINED)),
    throughput_figure('reads-point', 'reads, 100 connections x 1', ('reads', *POINT), 1.7,
                      ('probe-loopback', *POINT)),
    throughput_figure('writes-one', 'writes, one synchronous writer', ('writes', *ONE), 2,
                      ('probe-disk',)),
    throughput_figure('writes', 'writes, 64 connections x 16', ('writes', *MANY), 3,
                      ('probe-loopback', '--workload', 'writes', *MANY)),
    throughput_figure('sessions', 'sessions opened and closed, 16 at once', ('sessions', *FEW), 3,
                      ('probe-loopback', '--workload', 'sessions', *FEW)),
    Figure('mixed', (Row('70/30 mix, 16 connections x 16, per second', 'throughput'),
                     Row(f'70/30 mix: {CPU_ROW}', 'cpu_seconds', at_most=1 / 3, digits=3)),
           lambda setting, _: Throughput(setting, ('mixed', *PIPELINED))),
    Figure('mixed-tail', (Row('70/30 mix offered at half the baseline\'s rate: p99.9, µs',
                              'p99.9_us', at_most=1 / 4),
                          Row(f'the same: {CPU_ROW}', 'cpu_seconds', at_most=1 / 3, digits=3)),
           OpenLoop),
    Figure('loaded', (Row('memory per znode of 100 bytes, bytes', 'bytes', at_most=1 / 4,
                          value_at_most=300),
                      Row('of that anonymous', 'bytes_anonymous'),
                      Row('of that files mapped', 'bytes_file'),
                      Row('cold restart to the first read, s', 'restart_seconds', at_most=1 / 4,
                          digits=2)),
           Loaded, rounds=3),
    Figure('locks', tuple(ContendedLocks.rows()),
           lambda setting, _: ContendedLocks(setting, ())),
    ensemble_figure('reads-3', 'reads, 16 connections x 16', ('reads', *PIPELINED), 4),
    ensemble_figure('writes-one-3', 'writes, one synchronous writer at the leader',
                    ('writes', *ONE), 2, 'leader'),
    ensemble_figure('writes-one-follower-3', 'writes, one synchronous writer at a follower',
                    ('writes', *ONE), 2, 'follower'),
    ensemble_figure('writes-3', 'writes, 64 connections x 16', ('writes', *MANY), 4,
                    cpu_at_most=1 / 3),
    ensemble_figure('locks-3', 'locks taken and given back, 16 at once', ('locks', *FEW), 3),
    ensemble_figure('sessions-3', 'sessions opened and closed, 16 at once',
                    ('sessions', *FEW), 3),
    Figure('failover', FAILOVER_ROWS, compare_failover.Failover, rounds=20, nodes=3),
)
