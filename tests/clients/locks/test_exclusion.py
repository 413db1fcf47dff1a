"""Which locks of topod, Curator and kazoo exclude each other, with theirs as they come.

Each pair is tried in a queue of its own: the first one holds, the second one comes. It waits if it
has left a watch at the first one's place, which the server tells, and it does not if it holds too.
"""

import itertools
import time
import unittest

from kazoo.client import KazooClient

from harness.server import Topod
from harness.wire import four_letter
from locks import java, takers

DEADLINE_S = 60
POLL_S = 0.005

# By topoctl's options; a name of kazoo's classes; what LockTaker.java calls it.
OUR_MUTEX, OUR_READER, OUR_WRITER = (), ('--shared',), ('--write',)
OUR_KAZOO_LOCK = ('--style', 'kazoo')
OUR_KAZOO_READER = ('--style', 'kazoo', '--shared')
OUR_KAZOO_WRITER = ('--style', 'kazoo', '--write')


def setUpModule():
    java.compile_programs()


def watchers(server, path):
    """The sessions that have left a watch there."""
    sessions, at = set(), None
    for line in four_letter(server, 'wchp').splitlines():
        if not line.startswith('\t'):
            at = line
        elif at == path:
            sessions.add(int(line, 16))
    return sessions


class Exclusion(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = Topod(config={'4lw.commands.whitelist': '*', 'maxClientCnxns': '0'})
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.client = cls.connect()
        cls.kazoo = cls.connect()
        cls.curator = takers.CuratorProgram(cls.server.address)
        cls.addClassCleanup(cls.curator.close)
        cls.numbers = itertools.count()

    @classmethod
    def connect(cls):
        client = KazooClient(hosts=cls.server.address, timeout=30)
        client.start(timeout=30)
        cls.addClassCleanup(client.close)
        cls.addClassCleanup(client.stop)
        return client

    def take(self, who, queue):
        """Somebody who waits for such a lock, or has it."""
        if isinstance(who, tuple):
            taker = takers.Ours(self.server.address, queue, *who)
        elif who in ('mutex', 'read', 'write'):
            taker = self.curator.take(who, queue)
        else:
            taker = takers.Kazoo(getattr(self.kazoo, who)(queue))
        self.addCleanup(taker.close)
        return taker

    def await_that(self, holds, what):
        give_up = time.monotonic() + DEADLINE_S
        while not holds():
            self.assertLess(time.monotonic(), give_up, what)
            time.sleep(POLL_S)

    def await_held(self, taker):
        self.assertTrue(taker.held.wait(DEADLINE_S), f'{taker.name} gets no lock')

    def come_second(self, first, second):
        """Both, and the path of the first one's place, when it is known whether the second waits.

        It does if it watches that place.
        """
        queue = f'/exclusion/{next(self.numbers)}'
        holder = self.take(first, queue)
        self.await_held(holder)
        place, = self.client.get_children(queue)
        path = f'{queue}/{place}'
        owner = self.client.exists(path).ephemeralOwner
        comer = self.take(second, queue)
        self.await_that(lambda: comer.held.is_set() or watchers(self.server, path) - {owner},
                        f'{comer.name} neither waits nor holds')
        return holder, comer, path

    def check_waits(self, first, second):
        with self.subTest(first=first, second=second):
            holder, comer, path = self.come_second(first, second)
            self.assertFalse(comer.held.is_set(), f'{comer.name} holds beside {holder.name}')
            self.assertTrue(self.client.exists(path))
            holder.give()
            self.await_held(comer)
            self.assertFalse(self.client.exists(path), f'{holder.name} is still there')
            comer.give()

    def check_passes(self, first, second):
        with self.subTest(first=first, second=second):
            holder, comer, path = self.come_second(first, second)
            self.await_held(comer)
            self.assertTrue(self.client.exists(path))
            comer.give()
            holder.give()

    def check_exclude_each_other(self, one, other):
        self.check_waits(one, other)
        self.check_waits(other, one)

    def test_a_lock_and_curators_mutex_exclude_each_other(self):
        self.check_exclude_each_other(OUR_MUTEX, 'mutex')

    def test_a_lock_with_kazoos_names_and_kazoos_lock_exclude_each_other(self):
        self.check_exclude_each_other(OUR_KAZOO_LOCK, 'Lock')

    def test_writers_and_all_of_curators_read_write_lock_exclude_each_other(self):
        self.check_exclude_each_other(OUR_WRITER, 'read')
        self.check_exclude_each_other(OUR_WRITER, 'write')

    def test_readers_and_curators_writers_exclude_each_other_but_not_its_readers(self):
        self.check_exclude_each_other(OUR_READER, 'write')
        self.check_passes(OUR_READER, 'read')
        self.check_passes('read', OUR_READER)

    def test_writers_and_all_of_kazoos_read_write_locks_exclude_each_other(self):
        self.check_exclude_each_other(OUR_KAZOO_WRITER, 'ReadLock')
        self.check_exclude_each_other(OUR_KAZOO_WRITER, 'WriteLock')
        # There is one name for a writer and for a lock.
        self.check_exclude_each_other(OUR_KAZOO_WRITER, 'Lock')
        self.check_exclude_each_other(OUR_KAZOO_LOCK, 'ReadLock')

    def test_readers_and_kazoos_writers_exclude_each_other_but_not_its_readers(self):
        self.check_exclude_each_other(OUR_KAZOO_READER, 'WriteLock')
        self.check_passes(OUR_KAZOO_READER, 'ReadLock')
        self.check_passes('ReadLock', OUR_KAZOO_READER)

    def test_readers_and_writers_of_ours_exclude_each_other(self):
        for reader, writer in ((OUR_READER, OUR_WRITER), (OUR_KAZOO_READER, OUR_KAZOO_WRITER)):
            self.check_exclude_each_other(reader, writer)
            self.check_waits(writer, writer)
            self.check_passes(reader, reader)

    def test_ours_waits_for_everybody_but_others_only_for_the_names_that_they_know(self):
        # Why a writer among Curator's readers must be named so: they do not see a mutex.
        self.check_waits('read', OUR_MUTEX)
        self.check_passes(OUR_MUTEX, 'read')
        self.check_passes(OUR_MUTEX, 'write')
        # Neither does Curator's mutex see those of a read/write lock, nor kazoo's Lock readers.
        self.check_passes(OUR_WRITER, 'mutex')
        self.check_waits('Lock', OUR_KAZOO_READER)
        self.check_passes(OUR_KAZOO_READER, 'Lock')


if __name__ == '__main__':
    unittest.main()
