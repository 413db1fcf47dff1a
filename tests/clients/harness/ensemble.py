"""An ensemble of topods on loopback: `Ensemble` starts, ends, pauses and asks its members.

A member is a Topod with a number; it is started and ended as one. Ports are picked once, for a
member must be found again by the others. Times are in seconds.
"""

import os
import signal
import time

from .server import LOOPBACK, POLL_INTERVAL, START_DEADLINE, ServerError, Topod, free_ports
from .wire import four_letter

# Short ticks: silence is noticed in 2 s; sessions last from 1 s to a minute.
ENSEMBLE_CONFIG = {'tickTime': 500, 'initLimit': 20, 'syncLimit': 4, 'maxSessionTimeout': 60_000,
                   'maxClientCnxns': 0, '4lw.commands.whitelist': '*'}


class MemberOfEnsemble:
    """What a server of an ensemble can do besides; comes before a Server among the base classes."""

    def __init__(self, number, config, observes=False, **arguments):
        super().__init__(config=config, **arguments)
        self.number = number
        self.observes = observes
        self.is_paused = False
        self.set_number(number)

    def set_number(self, number):
        (self.data_dir / 'myid').write_text(f'{number}\n')

    def _serves(self):
        return self.mode() is not None

    def status(self):
        """What srvr says, by name: Mode, Zxid, "Last change" and so on. Empty when it is silent."""
        try:
            text = four_letter(self, 'srvr')
        except (OSError, TimeoutError):
            return {}
        return dict(line.split(': ', 1) for line in text.splitlines() if ': ' in line)

    def mode(self):
        """leader, follower, observer; None while it does not serve."""
        if not self.is_alive() or self.is_paused:
            return None
        return self.status().get('Mode')

    def zxid(self):
        return int(self.status()['Zxid'], 16)

    def figures(self):
        """What mntr says, by name without zk_."""
        lines = four_letter(self, 'mntr').splitlines()
        return dict(line.removeprefix('zk_').split('\t', 1) for line in lines if '\t' in line)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)
        self.is_paused = True

    def resume(self):
        self.process.send_signal(signal.SIGCONT)
        self.is_paused = False

    def _end(self, signal_number):
        if self.is_paused and self.process:
            self.resume()
        return super()._end(signal_number)


class Member(MemberOfEnsemble, Topod):
    """One topod of an ensemble."""


class Ensemble:
    """Members 1 to `voters`, then observers. As a context manager it starts all and ends all.

    `make_member` is their class; it gets what other named arguments there are.
    """

    def __init__(self, voters=3, observers=0, config=None, make_member=Member, **arguments):
        self.config = ENSEMBLE_CONFIG | (config or {})
        self.members = self._make_members(voters, observers, make_member, **arguments)

    def _make_members(self, voters, observers, make_member, **arguments):
        count = voters + observers
        ports = free_ports(3 * count)
        client_ports, peers, elections = ports[:count], ports[count:2 * count], ports[-count:]
        for i in range(count):
            role = 'participant' if i < voters else 'observer'
            self.config[f'server.{i + 1}'] = (f'{LOOPBACK}:{peers[i]}:{elections[i]}:{role};'
                                              f'{LOOPBACK}:{client_ports[i]}')
        members = []
        for i in range(count):
            members.append(make_member(i + 1, dict(self.config), i >= voters, **arguments))
            members[i].port = client_ports[i]
        return members

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    def start(self):
        """Starts those that do not run; returns when all of them serve."""
        started = [member for member in self.members if not member.is_alive()]
        for member in started:
            member.launch()
        for member in started:
            member.await_start()
        return self

    def close(self):
        for member in self.members:
            member.close()

    @property
    def hosts(self):
        """A connect string with all members."""
        return ','.join(member.address for member in self.members)

    def __getitem__(self, number):
        return self.members[number - 1]

    @property
    def alive(self):
        return [member for member in self.members if member.is_alive() and not member.is_paused]

    def leader(self, deadline_s=START_DEADLINE):
        """The member that leads; waits for one."""
        give_up = time.monotonic() + deadline_s
        while time.monotonic() < give_up:
            for member in self.alive:
                if member.mode() == 'leader':
                    return member
            time.sleep(POLL_INTERVAL)
        raise ServerError('nobody leads: ' + '; '.join(
            f'{member.number}: {member.status() or "silent"}' for member in self.alive))

    def others(self, member):
        """Those that run besides this one."""
        return [other for other in self.alive if other is not member]

    def await_all_serve(self, deadline_s=START_DEADLINE):
        """Until everybody who runs serves clients."""
        self.await_that(lambda: all(member.mode() for member in self.alive), 'all serve',
                        deadline_s)

    @staticmethod
    def await_that(holds, what, deadline_s=START_DEADLINE):
        give_up = time.monotonic() + deadline_s
        while not holds():
            if time.monotonic() > give_up:
                raise ServerError(f'not so within {deadline_s} s: {what}')
            time.sleep(POLL_INTERVAL)


class EnsembleAsServer:
    """An ensemble in the place of one server, for tests that know of one: they talk to a member.

    `via` says to which: leader, follower, observer; or all: each time that `choose_next` is called
    to another. (Clients of one test talk to one member, for a member may be a little behind another
    that has answered.) Ending and starting does so to all members. The member is chosen at the
    first start and keeps its address, so it may have another role after a restart.
    """

    name = 'ensemble'
    is_apache = False
    host = LOOPBACK

    def __init__(self, via, config=None):
        defaults = {'maxSessionTimeout': -1}
        self.ensemble = Ensemble(3, 1 if via in ('observer', 'all') else 0,
                                 defaults | (config or {}))
        self.via = via
        self._member = None
        self.data_dir = self.ensemble[1].data_dir

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    @property
    def member(self):
        return self._member or self.ensemble[1]

    @property
    def port(self):
        return self.member.port

    @property
    def address(self):
        return self.member.address

    @property
    def pid(self):
        return self.member.pid

    @property
    def process(self):
        return self.member.process

    def choose_next(self):
        """With `all`: what comes now talks to the next member."""
        if self.via == 'all':
            self._member = self.ensemble[self.member.number % len(self.ensemble.members) + 1]

    def is_alive(self):
        return all(member.is_alive() for member in self.ensemble.members)

    def log_text(self):
        return self.member.log_text()

    def start(self):
        self.ensemble.start()
        if self._member is None and self.via != 'all':
            self._member = next(member for member in self.ensemble.members
                                if member.mode() == self.via)
        return self

    def stop(self):
        return max(member.stop() or 0 for member in self.ensemble.members)

    def kill(self):
        for member in self.ensemble.members:
            member.kill()

    def restart(self, graceful=True):
        self.stop() if graceful else self.kill()
        return self.start()

    def close(self):
        self.ensemble.close()


def chosen_way():
    """How tests of one server are to reach an ensemble: the environment variable VIA."""
    way = os.environ.get('VIA', '')
    if way not in ('', 'leader', 'follower', 'observer', 'all'):
        raise ServerError(f'VIA={way}: expected leader, follower, observer or all')
    return way
