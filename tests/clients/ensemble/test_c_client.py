"""The C client library with a list of servers, of which one after the other is killed or hangs."""

from c_client.test_c_client import program
from harness.ensemble import Ensemble
from harness.tap import TapCase


class OneAfterTheOther(Ensemble):
    """In the place of a server: to stop it is to lose a member, to start it is to get it back."""

    def __init__(self):
        super().__init__(3)
        self.victim = None
        self.losses = 0

    @property
    def address(self):
        return self.hosts

    def is_alive(self):
        return any(member.is_alive() for member in self.members)

    def log_text(self):
        return '\n'.join(member.log_text() for member in self.members)

    def stop(self):
        """The leader is killed, then a member by its number; every second time it hangs instead."""
        leader = self.leader()
        self.victim = leader if self.losses < 2 else self.members[self.losses % 3]
        if self.losses % 2:
            self.victim.pause()
        else:
            self.victim.kill()
        self.losses += 1

    def start(self):
        if self.victim and self.victim.is_paused:
            self.victim.resume()
        super().start()
        self.await_all_serve()
        return self


class CClientFailoverTest(TapCase):

    @classmethod
    def setUpClass(cls):
        cls.server = OneAfterTheOther()
        cls.addClassCleanup(cls.server.close)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        pass  # closed by the clean-up

    def test_a_session_lives_on_and_loses_nothing(self):
        self.run_program(program(), self.server.address, 'failover')
