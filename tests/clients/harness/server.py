"""Server processes for black-box tests: `Topod`, the tested one, and `Apache`, the reference.

Both have one interface: start, stop, kill, restart, host, port, pid, log_text. As context managers
they start on entry and stop on exit. Each server owns a temporary directory with its configuration
and its log (and its data, unless `data_dir` is given); the directory is removed at the end unless
the environment variable KEEP is 1. Whatever still runs when the interpreter ends is killed.

The first start takes a port that the kernel picks; later starts of the same object keep it, so that
clients find the server again. Times are in seconds.
"""

import atexit
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(REPOSITORY / 'tools'))

from local_ports import LOOPBACK, free_ports  # noqa: E402 (the path must be set first)

START_DEADLINE = float(os.environ.get('START_DEADLINE', '60'))
STOP_DEADLINE = float(os.environ.get('STOP_DEADLINE', '20'))
POLL_INTERVAL = 0.005

JAVA_FOLDER = pathlib.Path('/usr/share/java')
APACHE_JARS = ('zookeeper', 'zookeeper-jute', 'slf4j-api', 'slf4j-simple', 'netty-all',
               'metrics-core', 'snappy-java', 'commons-io', 'commons-cli', 'log4j-1.2')
# Apache gives an unknown key of zoo.cfg to the JVM as `zookeeper.<key>`; these it reads without
# that prefix, so they must be given on the command line.
UNPREFIXED_PROPERTIES = ('jute.', 'readonlymode.', 'znode.container.')

_running = weakref.WeakSet()


class ServerError(Exception):
    """A server did not start, or did not stop, as it should. Carries the end of its log."""


def _die_with_parent():
    """In the child, before exec: ask the kernel for SIGKILL when the test process dies."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def serves_clients(port):
    """True when the server at `port` answers the word srvr and has left its starting phase."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as probe:
            probe.sendall(b'srvr')
            answer = probe.recv(4096)
            return bool(answer) and b'not currently serving' not in answer
    except OSError:
        return False


def free_port():
    return free_ports(1)[0]


class Server:
    """One server process and its folder. Not thread-safe: one thread starts and stops it."""

    name = 'server'
    is_apache = False

    def __init__(self, data_dir=None, config=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f'{self.name}-'))
        self.data_dir = pathlib.Path(data_dir) if data_dir else self.folder / 'data'
        self.config = dict(config or {})
        self.host = LOOPBACK
        self.port = None
        self.process = None
        self.log_path = self.folder / 'log'
        self.data_dir.mkdir(parents=True, exist_ok=True)
        _running.add(self)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, error_type, *_):
        try:
            if self.process:
                self.stop() if error_type is None else self.kill()
        finally:
            self.close()

    @property
    def pid(self):
        return self.process.pid if self.process else None

    @property
    def address(self):
        return f'{self.host}:{self.port}'

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def log_text(self):
        return self.log_path.read_text(errors='replace') if self.log_path.exists() else ''

    def start(self):
        """Starts the process and returns when it serves clients; raises ServerError otherwise."""
        self.launch()
        self.await_start()
        return self

    def launch(self):
        """Starts the process and returns at once."""
        if self.process:
            raise ServerError(f'{self.name} runs already')
        command, environment = self._prepare()
        in_main_thread = threading.current_thread() is threading.main_thread()
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT,
                # The parent-death signal is bound to the thread that forks, hence only here.
                preexec_fn=_die_with_parent if in_main_thread else None)

    def await_start(self):
        """Returns when it serves clients."""
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                code, self.process = self.process.returncode, None
                raise ServerError(self._complaint(f'ended with status {code} while starting'))
            if self._serves():
                return
            time.sleep(POLL_INTERVAL)
        self.kill()
        raise ServerError(self._complaint(f'did not serve within {START_DEADLINE} s'))

    def stop(self):
        """SIGTERM; returns the exit status. Raises ServerError when it outlives the deadline."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """SIGKILL: what is not durable is lost."""
        return self._end(signal.SIGKILL)

    def _end(self, signal_number):
        if not self.process:
            return None
        process, self.process = self.process, None
        process.send_signal(signal_number)
        try:
            return process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise ServerError(self._complaint(f'ignored signal {signal_number}')) from None

    def restart(self, graceful=True):
        """Ends the process and starts it on the same data and port."""
        self.stop() if graceful else self.kill()
        return self.start()

    def close(self):
        """Kills the process if it runs and removes the folder. Harmless when repeated."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        if os.environ.get('KEEP') != '1':
            shutil.rmtree(self.folder, ignore_errors=True)
        _running.discard(self)

    def _write_config(self, keys):
        path = self.folder / 'zoo.cfg'
        path.write_text(''.join(f'{key}={value}\n' for key, value in keys.items()))
        return path

    def _complaint(self, what):
        return f'{self.name} {what}; the end of its log:\n{self.log_text()[-4000:]}'

    def _prepare(self):
        """The command line and the environment for a start; writes the configuration."""
        raise NotImplementedError

    def _serves(self):
        """Polled while the process starts: is it ready for clients?"""
        raise NotImplementedError


def topod_binary():
    """The executable: the environment variable TOPOD, else the usual build folder."""
    if os.environ.get('TOPOD'):
        return pathlib.Path(os.environ['TOPOD']).resolve()
    built = REPOSITORY / 'build' / 'release' / 'server' / 'topod'
    if built.exists():
        return built
    raise ServerError('no topod: tools/build, or name it in the environment variable TOPOD')


class Topod(Server):
    """topod. With `config` (a dictionary of zoo.cfg keys) it reads a file, else options suffice.

    `environment` is added to that of the test.
    """

    name = 'topod'

    def __init__(self, data_dir=None, config=None, binary=None, extra_args=(),
                 environment=None):
        self.binary = pathlib.Path(binary) if binary else topod_binary()
        super().__init__(data_dir, config)
        self.extra_args = [str(argument) for argument in extra_args]
        self.environment = dict(environment or {})
        self.port_file = self.folder / 'port'

    def _prepare(self):
        self.port_file.unlink(missing_ok=True)
        port = str(self.port or 0)
        command = [str(self.binary)]
        if self.config:
            path = self._write_config(
                {'dataDir': self.data_dir, 'clientPort': port} | self.config)
            command += ['--config', str(path)]
        else:
            command += ['--data-dir', str(self.data_dir), '--client-port', port]
        command += ['--client-address', self.host, '--port-file', str(self.port_file)]
        return command + self.extra_args, {**os.environ, **self.environment}

    def _serves(self):
        if not self.port_file.exists():
            return False
        self.port = int(self.port_file.read_text())
        return True


class Apache(Server):
    """Debian's Apache ZooKeeper as a plain java process, standalone."""

    name = 'apache'
    is_apache = True

    def _prepare(self):
        self.port = self.port or free_port()
        keys = {'dataDir': self.data_dir, 'clientPort': self.port, 'clientPortAddress': LOOPBACK,
                'tickTime': 2000, 'maxClientCnxns': 0, '4lw.commands.whitelist': '*',
                'extendedTypesEnabled': 'true', 'admin.enableServer': 'false'} | self.config
        unprefixed = {key: value for key, value in keys.items()
                      if key.startswith(UNPREFIXED_PROPERTIES)}
        path = self._write_config({k: v for k, v in keys.items() if k not in unprefixed})
        command = ['java', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1',
                   '-Dzookeeper.jmx.log4j.disable=true', '-Dzookeeper.forceSync=no',
                   '-Dzookeeper.preAllocSize=1024',
                   *(f'-D{key}={value}' for key, value in unprefixed.items()),
                   '-cp', ':'.join(str(JAVA_FOLDER / f'{jar}.jar') for jar in APACHE_JARS),
                   'org.apache.zookeeper.server.quorum.QuorumPeerMain', str(path)]
        return command, {**os.environ, 'JMXDISABLE': 'true'}

    def _serves(self):
        return serves_clients(self.port)


@atexit.register
def _close_all():
    for server in list(_running):
        server.close()
