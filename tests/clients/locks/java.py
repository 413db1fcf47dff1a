"""The Java programs of this suite, compiled once for all of its modules."""

import functools
import os
import pathlib
import subprocess
import tempfile

from curator.test_curator import CLASS_PATH

SOURCES = pathlib.Path(__file__).parent / 'curator'


@functools.cache
def _classes():
    folder = tempfile.TemporaryDirectory(prefix='lock-programs-', ignore_cleanup_errors=True)
    subprocess.run(['javac', '-Xlint:all,-path,-classfile', '-Werror', '-proc:none',
                    '-d', folder.name, '-cp', CLASS_PATH, *map(str, SOURCES.glob('*.java'))],
                   check=True, timeout=120)
    return folder


def compile_programs():
    _classes()


def command(program):
    """To run the class of this name; its arguments follow."""
    return ['java', '-Xmx128m', '-Xshare:auto', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1',
            '-cp', os.pathsep.join((_classes().name, CLASS_PATH)), program]
