"""Builds Go programs offline, from Debian's packages of Go sources."""

import os
import pathlib
import subprocess
import tempfile

GO_SOURCES = '/usr/share/gocode'


class GoProgram:
    """An executable in a temporary folder, made of the package in `folder`."""

    def __init__(self, folder):
        self._output = tempfile.TemporaryDirectory(prefix='go-')
        self.path = pathlib.Path(self._output.name) / 'program'
        environment = {**os.environ, 'GO111MODULE': 'off', 'GOFLAGS': '', 'GOPATH': GO_SOURCES}
        environment.setdefault('HOME', self._output.name)  # Go keeps its cache there
        subprocess.run(['go', 'build', '-o', str(self.path), '.'], cwd=folder, env=environment,
                       check=True, timeout=300)

    def remove(self):
        self._output.cleanup()
