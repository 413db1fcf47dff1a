#!/usr/bin/python3
"""Runs client-side suites: `run.py wire`, `run.py wire.test_multi differential --junit out.xml`.

A suite is a package here (every test_*.py in it) or a dotted name of a module, class or test.
The environment: TOPOD names the server to test; SERVER=apache tests Apache ZooKeeper instead;
VIA=leader, follower, observer or all tests an ensemble through such a member; KEEP=1 keeps the
servers' folders.
"""

import argparse
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from harness import report  # noqa: E402 (the path must be set first)


def load(names, pattern):
    loader = unittest.TestLoader()
    if pattern:
        loader.testNamePatterns = [f'*{pattern}*']
    suite = unittest.TestSuite()
    for name in names:
        if (HERE / name).is_dir():
            suite.addTests(loader.discover(str(HERE / name), top_level_dir=str(HERE)))
        else:
            suite.addTests(loader.loadTestsFromName(name))
    return suite


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suites', nargs='+', metavar='SUITE')
    parser.add_argument('--junit', metavar='FILE', help='write the results as JUnit XML')
    parser.add_argument('-k', dest='pattern', help='only tests whose name contains this')
    parser.add_argument('-v', '--verbose', action='store_true', help='name each test')
    parser.add_argument('-f', '--fail-fast', action='store_true', help='stop at the first failure')
    arguments = parser.parse_args()
    passed = report.run(load(arguments.suites, arguments.pattern), ' '.join(arguments.suites),
                        arguments.junit, 2 if arguments.verbose else 1, arguments.fail_fast)
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main())
