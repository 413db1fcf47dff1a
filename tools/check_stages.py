"""The stages of tools/check: each runs real tests and counts them from their own reports."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / 'build' / 'check'
TOPOD = ROOT / 'build/release/server/topod'
PYTHON = '/usr/bin/python3'
STAGE_SECONDS_MAX = 30 * 60


class Result:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __add__(self, other):
        return Result(self.passed + other.passed, self.failed + other.failed,
                      self.skipped + other.skipped)

    def __str__(self):
        skipped = f', {self.skipped} skipped' if self.skipped else ''
        return f'{self.passed} passed, {self.failed} failed{skipped}'


def run(arguments, log, env=None, seconds=STAGE_SECONDS_MAX):
    """Runs to the end or the deadline; output goes to the stage's log. The exit status."""
    with open(log, 'ab') as sink:
        sink.write(('$ ' + ' '.join(map(str, arguments)) + '\n').encode())
        sink.flush()
        try:
            return subprocess.run([str(argument) for argument in arguments], cwd=ROOT,
                                  stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                                  env={**os.environ, **(env or {})}, timeout=seconds).returncode
        except subprocess.TimeoutExpired:
            sink.write(f'\nran longer than {seconds} s\n'.encode())
            return 124


def count_junit(path):
    """Counts the test cases of a JUnit report; a missing or empty report is one failure."""
    try:
        cases = list(ElementTree.parse(path).getroot().iter('testcase'))
    except (OSError, ElementTree.ParseError):
        return Result(failed=1)
    failed = sum(1 for case in cases
                 if case.find('failure') is not None or case.find('error') is not None)
    skipped = sum(1 for case in cases if case.find('skipped') is not None)
    return Result(len(cases) - failed - skipped, failed, skipped)


def one(status):
    return Result(passed=1) if status == 0 else Result(failed=1)


def with_status(result, status):
    """A runner that failed without a failed case in its report has failed all the same."""
    return result if status == 0 or result.failed else result + Result(failed=1)


def source(log, full):
    return (one(run(['tools/format', '--check'], log)) + one(run(['tools/tidy'], log)))


def clang_tidy(log, full):
    return one(run(['tools/tidy', '--clang'], log))


def build_of_tests(kind):
    # Programs that no test runs need not be built.
    return ['tools/build', kind, 'meson-test-prereq']


builds_ahead = {}


def build_ahead(kind):
    """Begins to build for a later stage: most stages before it wait more than they compute."""
    with open(OUT / f'build-{kind}.log', 'wb') as log:
        builds_ahead[kind] = subprocess.Popen(['nice', '-n', '19', *build_of_tests(kind)], cwd=ROOT,
                                              stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def meson_tests(kind, log, full, extra_env=None):
    if kind in builds_ahead:
        builds_ahead.pop(kind).wait()
    if run(build_of_tests(kind), log) != 0:
        return Result(failed=1)
    report = ROOT / 'build' / kind / 'meson-logs/testlog.junit.xml'
    report.unlink(missing_ok=True)
    env = {'FULL': '1'} if full else {}
    env.update(extra_env or {})
    status = run(['meson', 'test', '-C', f'build/{kind}', '--no-rebuild', '--print-errorlogs',
                  '--timeout-multiplier', '10' if full else '3'], log, env)
    return with_status(count_junit(report), status)


def unit(log, full):
    return meson_tests('release', log, full)


def asan_kind(full):
    # Undefined behaviour costs as much time to compile as everything else together.
    return 'asan' if full else 'address'


def asan(log, full):
    return meson_tests(asan_kind(full), log, False, {
        'ASAN_OPTIONS': 'detect_stack_use_after_return=1:strict_string_checks=1',
        'UBSAN_OPTIONS': 'print_stacktrace=1:halt_on_error=1'})


def tsan(log, full):
    return meson_tests('tsan', log, False, {'TSAN_OPTIONS': 'halt_on_error=1'})


def python_suites(suites, log, env=None, binary=TOPOD):
    total = Result()
    for suite in suites:
        report = OUT / f'{log.stem}-{suite}.xml'
        report.unlink(missing_ok=True)
        status = run([PYTHON, 'tests/clients/run.py', suite, '--junit', report], log,
                     {'TOPOD': str(binary), **(env or {})})
        total += with_status(count_junit(report), status)
    return total


def wire(log, full):
    return python_suites(['wire'], log)


REAL_CLIENTS = ['kazoo_suite', 'c_client', 'java_cli', 'curator', 'go_client', 'vitess']


def clients(log, full):
    return python_suites(REAL_CLIENTS, log)


def ensemble(log, full):
    sizes = {'LEADER_KILLS': '100', 'ENSEMBLE_FAULTS': '60', 'REGISTER_FAULTS': '40',
             'CUT_ROUNDS': '40', 'CATCH_UP_WRITES': '1000000'} if full else {}
    return (python_suites(['ensemble', 'monitoring'], log, sizes)
            + python_suites(['wire'], log, {'VIA': 'all'}))


def deploy(log, full):
    return python_suites(['deploy', 'toposphere'], log)


def topoctl(log, full):
    return python_suites(['topoctl'], log)


def members(log, full):
    """What passes against a single server passes through every kind of member."""
    total = Result()
    for via in ('leader', 'follower', 'observer', 'all'):
        total += python_suites(['wire', *REAL_CLIENTS, 'differential'], log,
                               {'VIA': via, 'SEEDS': '1..40'})
    return total


def differential(log, full):
    return python_suites(['differential'], log,
                         {'SEEDS': '1..200' if full else '1..40'})


def crashes(log, full):
    return python_suites(['crashes'], log, {'KILL_CYCLES': '200' if full else '20'})


def server_of(kind, log):
    """Tests of whole servers, built in another way."""
    slow_disk = 'tests/clients/harness/libslow_disk.so'
    if run(['tools/build', kind, 'server/topod', slow_disk], log) != 0:
        return Result(failed=1)
    return python_suites(['wire', 'crashes', 'differential', 'ensemble'], log,
                         {'KILL_CYCLES': '20', 'SEEDS': '1..40'},
                         ROOT / 'build' / kind / 'server/topod')


def asan_clients(log, full):
    return server_of('asan', log)


def tsan_clients(log, full):
    return server_of('tsan', log)


def fuzz(log, full, part=0):
    """A third of the fuzzers, as many at once as there are processors."""
    if run(['tools/build', 'fuzz', 'fuzzers'], log) != 0:
        return Result(failed=1)
    seconds = 600 if full else 10

    def one_fuzzer(fuzzer):
        kept = ROOT / 'tests/fuzz/corpus' / fuzzer.name
        found = OUT / 'corpus' / fuzzer.name
        found.mkdir(parents=True, exist_ok=True)
        return one(run([fuzzer, found, *([kept] if kept.is_dir() else []),
                        f'-max_total_time={seconds}', '-rss_limit_mb=2048', '-timeout=10',
                        f'-artifact_prefix={found}/'], log))

    fuzzers = sorted((ROOT / 'build/fuzz/tests/fuzz').glob('*_fuzz'))[part::3]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as several:
        total = sum(several.map(one_fuzzer, fuzzers), Result())
    return total if total.passed + total.failed else Result(failed=1)


def fuzz_second(log, full):
    return fuzz(log, full, 1)


def fuzz_third(log, full):
    return fuzz(log, full, 2)


def worlds(log, seeds, *more):
    """Simulated worlds, each a seed; every hundredth runs twice."""
    status = run(['tools/sim', '--seeds', seeds, '--jobs', os.cpu_count() or 1, *more], log)
    said = log.read_text(errors='replace') if log.exists() else ''
    summary = re.search(r'^\d+ seeds: (\d+) passed, (\d+) failed', said, re.MULTILINE)
    if summary is None:
        return Result(failed=1)
    return with_status(Result(int(summary[1]), int(summary[2])), status)


def sim(log, full):
    result = worlds(log, '1..10000' if full else '1..500')
    # A known bug, put back, must be found: else the simulator has gone blind.
    return result + one(run(['tools/sim', '--mutants', 'CurrentEpochForgotten', '--seeds',
                             '1..1000', '--jobs', os.cpu_count() or 1], log,
                            {'SIM': str(ROOT / 'build/release/tests/sim/topod_sim')}))


def locks(log, full):
    """20 hours of simulated locks, in full 400; and those of real processes."""
    return (worlds(log, '1..2400' if full else '1..120', '--locks') +
            python_suites(['locks'], log, {'LOCKS_SECONDS': '300'} if full else {}))


def sim_second(log, full):
    return worlds(log, '10001..20000')


def sim_third(log, full):
    return worlds(log, '20001..30000')


def compare(log, full):
    return one(run(['tools/compare', '--nodes', '1'], log))


def compare_ensemble(log, full):
    return one(run(['tools/compare', '--nodes', '3'], log))


# name, function, in the ordinary check
STAGES = [
    ('source', source, True),
    ('unit', unit, True),
    ('sim', sim, True),
    ('locks', locks, True),
    ('wire', wire, True),
    ('differential', differential, True),
    ('clients', clients, True),
    ('crashes', crashes, True),
    ('ensemble', ensemble, True),
    ('deploy', deploy, True),
    ('topoctl', topoctl, True),
    ('asan', asan, True),
    # The ordinary check replays the kept inputs, as unit tests, without clang.
    ('fuzz', fuzz, False),
    ('fuzz_second', fuzz_second, False),
    ('fuzz_third', fuzz_third, False),
    ('members', members, False),
    ('sim_second', sim_second, False),
    ('sim_third', sim_third, False),
    ('clang_tidy', clang_tidy, False),
    ('asan_clients', asan_clients, False),
    ('tsan', tsan, False),
    ('tsan_clients', tsan_clients, False),
    ('compare', compare, False),
    ('compare_ensemble', compare_ensemble, False),
]


def commit():
    head = subprocess.run(['git', 'rev-parse', 'HEAD'], cwd=ROOT, capture_output=True, text=True)
    dirty = subprocess.run(['git', 'status', '--porcelain'], cwd=ROOT, capture_output=True,
                           text=True)
    return None if dirty.stdout.strip() or head.returncode else head.stdout.strip()


def load_passed(key):
    try:
        state = json.loads((OUT / 'passed.json').read_text())
    except (OSError, ValueError):
        return {}
    return state.get('stages', {}) if key and state.get('commit') == key else {}


def save_passed(key, stages):
    if key:
        (OUT / 'passed.json').write_text(json.dumps({'commit': key, 'stages': stages}, indent=1))


def show_failure(log):
    lines = log.read_text(errors='replace').split('\n')
    print('\n'.join('    ' + line for line in lines[-60:]), flush=True)


def main():
    parser = argparse.ArgumentParser(prog='tools/check')
    parser.add_argument('--full', action='store_true')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('stages', nargs='*')
    options = parser.parse_args()
    if options.list:
        for name, _, ordinary in STAGES:
            print(name if ordinary else f'{name} (only with --full)')
        return 0
    unknown = set(options.stages) - {name for name, _, _ in STAGES}
    if unknown:
        parser.error(f'unknown stages: {", ".join(sorted(unknown))}')
    OUT.mkdir(parents=True, exist_ok=True)
    key = commit() if options.full else None
    done = load_passed(key)
    if run(['tools/build', 'release'], OUT / 'build.log') != 0:
        show_failure(OUT / 'build.log')
        print('0 passed, 1 failed')
        return 1
    if 'asan' not in done and (not options.stages or 'asan' in options.stages):
        build_ahead(asan_kind(options.full))
    total = Result()
    for name, function, ordinary in STAGES:
        if options.stages and name not in options.stages:
            continue
        if not options.stages and not (ordinary or options.full):
            continue
        if name in done:
            result = Result(*done[name])
            print(f'{name}: {result} (already, for this commit)', flush=True)
            total += result
            continue
        log = OUT / f'{name}.log'
        log.unlink(missing_ok=True)
        began = time.monotonic()
        result = function(log, options.full)
        print(f'{name}: {result} in {time.monotonic() - began:.0f} s', flush=True)
        if result.failed:
            show_failure(log)
        elif key:
            done[name] = [result.passed, result.failed, result.skipped]
            save_passed(key, done)
        total += result
    print(total if total.skipped else f'{total.passed} passed, {total.failed} failed')
    return 1 if total.failed or not total.passed else 0


if __name__ == '__main__':
    sys.exit(main())
