"""Runs unittest suites and writes what happened as JUnit XML, the format that CI systems read."""

import time
import unittest
import xml.etree.ElementTree as xml


class RecordingResult(unittest.TextTestResult):
    """A TextTestResult that also remembers each test's outcome and time in seconds."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.records = []
        self._started = 0.0
        self._subtest_failures = []

    def startTest(self, test):
        self._started = time.monotonic()
        self._subtest_failures = []
        super().startTest(test)

    def _record(self, test, outcome, text=''):
        self.records.append((test.id(), outcome, text, time.monotonic() - self._started))

    def addSuccess(self, test):
        super().addSuccess(test)
        if not self._subtest_failures:
            self._record(test, 'passed')

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._record(test, 'failure', self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        self._record(test, 'error', self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._record(test, 'skipped', reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._subtest_failures.append(subtest)
            self._record(subtest, 'failure', self._exc_info_to_string(err, test))

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._record(test, 'failure', 'unexpected success')

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._record(test, 'skipped', 'expected failure')

    def count(self, *outcomes):
        return sum(1 for record in self.records if record[1] in outcomes)


def _printable(text):
    """XML cannot carry control characters; show them escaped."""
    return ''.join(c if c in '\n\t' or c.isprintable() else repr(c)[1:-1] for c in text)


def write_junit(result, name, path):
    """One <testsuite> with a <testcase> per test, and the counts a script may want to add up."""
    suite = xml.Element('testsuite', name=name, tests=str(len(result.records)),
                        failures=str(result.count('failure')), errors=str(result.count('error')),
                        skipped=str(result.count('skipped')),
                        time=f'{sum(record[3] for record in result.records):.3f}')
    for test_id, outcome, text, seconds in result.records:
        class_name, _, test_name = test_id.rpartition('.')
        case = xml.SubElement(suite, 'testcase', classname=class_name, name=_printable(test_name),
                              time=f'{seconds:.3f}')
        if outcome == 'skipped':
            xml.SubElement(case, 'skipped', message=_printable(text))
        elif outcome != 'passed':
            xml.SubElement(case, outcome).text = _printable(text)
    xml.indent(suite)
    xml.ElementTree(suite).write(path, encoding='utf-8', xml_declaration=True)


def run(suite, name, junit=None, verbosity=1, fail_fast=False):
    """Runs the suite; returns True when nothing failed. Finding no test is a failure."""
    runner = unittest.TextTestRunner(verbosity=verbosity, resultclass=RecordingResult,
                                     failfast=fail_fast)
    result = runner.run(suite)
    if junit:
        write_junit(result, name, junit)
    passed, skipped = result.count('passed'), result.count('skipped')
    failed = result.count('failure', 'error')
    print(f'{name}: {passed} passed, {failed} failed, {skipped} skipped')
    return result.wasSuccessful() and passed + skipped > 0
