"""An ensemble of topods on this machine, for tools/cell and tools/toposphere: `Cell`, `Member`.

A cell lives in one folder: cell.json with its members and ports, and for each member zoo.cfg, data,
log and pid. Ports are picked when the cell is made, and kept. Members listen on 127.0.0.1 only.
Processes outlive the program that starts them; they are found again by their pid. Whatever the user
can be told is a CellError. Times are in seconds unless their names say otherwise.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time

from local_ports import LOOPBACK, free_ports

BUILD = pathlib.Path(__file__).resolve().parent.parent / 'build'
TOPOD = BUILD / 'release' / 'server' / 'topod'
MEMBERS_MAX = 9
SERVE_DEADLINE_S = 30
QUORUM_PATIENCE_S = 1  # for a process to end because it was told nonsense
STOP_DEADLINE_S = 15
WORD_DEADLINE_S = 1
POLL_S = 0.02


class CellError(Exception):
    """What the user is told before the program ends with status 1."""


def ask(port, word):
    """The answer to a four-letter word; empty when there is none."""
    answer = b''
    try:
        with socket.create_connection((LOOPBACK, port), timeout=WORD_DEADLINE_S) as connection:
            connection.sendall(word.encode())
            while piece := connection.recv(65536):
                answer += piece
    except OSError:
        pass
    return answer.decode(errors='replace')


class Member:
    """One topod and its folder. Its process is found again by the pid it left there."""

    def __init__(self, cell_folder, facts):
        self.id = facts['id']
        self.observes = facts['observer']
        self.client_port = facts['client_port']
        self.peer_port = facts['peer_port']
        self.election_port = facts['election_port']
        self.http_port = facts['http_port']
        self.stands_in = facts.get('stands_in')
        self.folder = cell_folder / str(self.id)
        self.config_path = self.folder / 'zoo.cfg'
        self.log_path = self.folder / 'log'
        self.pid_path = self.folder / 'pid'

    @property
    def address(self):
        return f'{LOOPBACK}:{self.client_port}'

    @property
    def lines_for_all(self):
        """What the configuration of every member says of this one."""
        role = 'observer' if self.observes else 'participant'
        yield (f'server.{self.id}={LOOPBACK}:{self.peer_port}:{self.election_port}:{role};'
               f'{self.address}')
        if self.stands_in:
            yield f'cell.{self.id}={self.stands_in}'

    def pid(self):
        """Of the running process, else None. A number that another process got is not ours."""
        try:
            pid = int(self.pid_path.read_text())
            command = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes().split(b'\0')
        except (OSError, ValueError):
            return None
        return pid if str(self.config_path).encode() in command else None

    def running_pid(self):
        pid = self.pid()
        if pid is None:
            raise CellError(f'member {self.id} does not run')
        return pid

    def is_paused(self, pid):
        try:
            stat = pathlib.Path(f'/proc/{pid}/stat').read_text()
        except OSError:
            return False
        return stat.rpartition(')')[2].split()[0] == 'T'

    def launch(self, binary):
        if self.pid() is not None:
            raise CellError(f'member {self.id} runs already')
        with open(self.log_path, 'ab') as log:
            process = subprocess.Popen([str(binary), '--config', str(self.config_path)],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)
        self.pid_path.write_text(str(process.pid))
        # A moment after exec the kernel does not yet show the command.
        while process.poll() is None and self.pid() is None:
            time.sleep(POLL_S / 10)

    def send(self, number):
        os.kill(self.running_pid(), number)

    def await_end(self):
        give_up = time.monotonic() + STOP_DEADLINE_S
        while self.pid() is not None:
            if time.monotonic() > give_up:
                raise CellError(f'member {self.id} (process {self.pid()}) does not end')
            time.sleep(POLL_S)
        self.pid_path.unlink(missing_ok=True)

    def end(self, number):
        """Ends the process, which may be paused."""
        pid = self.running_pid()
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
        self.await_end()

    def serves(self):
        """Whether it serves clients; raises CellError if it has ended."""
        if self.pid() is None:
            end = self.log_path.read_text(errors='replace')[-1500:]
            raise CellError(f'member {self.id} ended; the end of its log:\n{end}')
        return 'Mode:' in ask(self.client_port, 'srvr')

    def describe(self):
        """State, role and position, for `list`."""
        pid = self.pid()
        if pid is None:
            return 'down', '', '', ''
        if self.is_paused(pid):
            return 'paused', '', '', str(pid)
        facts = dict(line.split(': ', 1) for line in ask(self.client_port, 'srvr').splitlines()
                     if ': ' in line)
        return 'running', facts.get('Mode', 'not serving'), facts.get('Zxid', ''), str(pid)


class Cell:
    def __init__(self, folder):
        self.folder = folder
        path = folder / 'cell.json'
        if not path.exists():
            raise CellError(f'no cell in {folder}')
        facts = json.loads(path.read_text())
        self.binary = pathlib.Path(facts['binary'])
        self.members = [Member(folder, member) for member in facts['members']]

    @staticmethod
    def exists(folder):
        return (folder / 'cell.json').exists()

    @staticmethod
    def create(folder, binary, voters, observers=0, tick_ms=1000, settings=(), stands_in=()):
        """Writes the folder of a new cell; nothing is started.

        `settings` are further lines for every zoo.cfg; `stands_in` names the cell of the whole
        that each member stands in, if they are not all in one.
        """
        if not os.access(binary, os.X_OK):
            raise CellError(f'no topod at {binary}; tools/build')
        if folder.exists() and any(folder.iterdir()):
            raise CellError(f'{folder} is in use by something else; name another with --dir')
        count = voters + observers
        kinds = ('client_port', 'peer_port', 'election_port', 'http_port')
        ports = iter(free_ports(len(kinds) * count))
        facts = {'binary': str(binary.resolve()), 'members': [
            {'id': i + 1, 'observer': i >= voters, **{kind: next(ports) for kind in kinds},
             **({'stands_in': stands_in[i]} if stands_in else {})}
            for i in range(count)]}
        members = [Member(folder, member) for member in facts['members']]
        shared = [f'tickTime={tick_ms}', 'initLimit=10', 'syncLimit=5', '4lw.commands.whitelist=*',
                  *settings, *(line for each in members for line in each.lines_for_all)]
        for member in members:
            (member.folder / 'data').mkdir(parents=True)
            (member.folder / 'data' / 'myid').write_text(f'{member.id}\n')
            lines = [f'dataDir={member.folder / "data"}',
                     f'admin.serverPort={member.http_port}', *shared]
            member.config_path.write_text('\n'.join(lines) + '\n')
        (folder / 'cell.json').write_text(json.dumps(facts, indent=1) + '\n')
        return Cell(folder)

    @property
    def connect_string(self):
        return ','.join(member.address for member in self.members)

    def member(self, number):
        for member in self.members:
            if member.id == number:
                return member
        raise CellError(f'no member {number}; there are '
                        f'{", ".join(str(member.id) for member in self.members)}')

    def has_quorum(self):
        voters = [member for member in self.members if not member.observes]
        alive = [member for member in voters
                 if (pid := member.pid()) is not None and not member.is_paused(pid)]
        return 2 * len(alive) > len(voters)

    def await_serving(self, members):
        """Until they serve, if there are enough to serve at all. Says how it went."""
        began = time.monotonic()
        while members := [member for member in members if not member.serves()]:
            waited_s = time.monotonic() - began
            if waited_s > QUORUM_PATIENCE_S and not self.has_quorum():
                print('too few members run for a quorum: nothing is served until more are started')
                return
            if waited_s > SERVE_DEADLINE_S:
                for member in members:
                    print(f'member {member.id} does not serve yet: {member.log_path}')
                return
            time.sleep(POLL_S)

    def end_all(self, number):
        for member in self.members:
            if member.pid() is not None:
                member.end(number)


def start_together(starting):
    """Starts members of one or several cells, given as pairs (cell, members), and waits until they
    serve. If one cannot, none of them is left running."""
    try:
        for cell, members in starting:
            for member in members:
                member.launch(cell.binary)
        for cell, members in starting:
            cell.await_serving(members)
    except (KeyboardInterrupt, CellError):
        for _, members in starting:
            for member in members:
                if member.pid() is not None:
                    member.end(signal.SIGKILL)
        raise
