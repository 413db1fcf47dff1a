"""A full disk: on the leader another one leads, on a follower nobody else notices; reads go on, and
with space everything comes back by itself.

A member's data lies in a file system of its own (tmpfs), so this needs the right to mount (root).
"""

import os
import pathlib
import subprocess
import tempfile
import unittest

from harness import records
from harness.codes import Err
from harness.ensemble import Ensemble
from harness.wire import WireClient

from .writer import WINDOW, Writer

DISK_MIB = 400
# Each is 900 kB; the log and the tree have prepared some of their space before the disk is full.
WRITES_MAX = 300
DATA = b'x' * 900_000


def can_mount():
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder],
                              capture_output=True, check=False)
        if done.returncode == 0:
            subprocess.run(['umount', folder], check=True)
        return done.returncode == 0


class Disk:
    """The file system that a member's data lies in."""

    def __init__(self, member):
        self.folder = pathlib.Path(member.data_dir)
        myid = (self.folder / 'myid').read_text()
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={DISK_MIB}m', 'tmpfs',
                        self.folder], check=True)
        (self.folder / 'myid').write_text(myid)

    def unmount(self):
        subprocess.run(['umount', self.folder], check=True)

    @property
    def ballast(self):
        return self.folder / 'lost+found'

    def fill(self):
        space = os.statvfs(self.folder)
        with open(self.ballast, 'wb') as file:
            os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_bsize)

    def free(self):
        self.ballast.unlink()


@unittest.skipUnless(can_mount(), 'file systems cannot be mounted here')
class FullDiskTest(unittest.TestCase):

    def setUp(self):
        self.ensemble = Ensemble(3)
        self.addCleanup(self.ensemble.close)
        self.disks = {}
        for member in self.ensemble.members:
            self.disks[member.number] = disk = Disk(member)
            self.addCleanup(disk.unmount)
            self.addCleanup(member.kill)
        self.ensemble.start()

    def fill(self, member, client):
        """Until this member says that there is no space; returns how many writes it took.

        The tree must grow: the log goes on in segments that it no longer needs.
        """
        self.disks[member.number].fill()
        for number in range(WRITES_MAX):
            if 'no space on the disk' in member.log_text():
                return number
            client.create(f'/large/{number}', DATA)
        self.fail(f'{WRITES_MAX} writes, and the disk of {member.number} has still space')

    def test_of_the_leader(self):
        full = self.ensemble.leader()
        other = self.ensemble.others(full)[0]
        with WireClient(full, timeout_ms=60_000) as own, \
                WireClient(other, timeout_ms=60_000) as client:
            client.create('/large', b'')
            writer = Writer(other, '/w')
            self.addCleanup(writer.close)
            writer.start()
            self.fill(full, client)
            self.ensemble.await_that(
                lambda: self.ensemble.leader() is not full, 'another one leads')
            self.ensemble.await_that(lambda: full.mode() == 'follower', 'it follows')
            self.ensemble.await_that(
                lambda n=writer.answered + 4 * WINDOW: writer.failure or writer.answered >= n,
                'the others go on')
            writer.finish()
            self.assertEqual(own.get_data('/large/0')[0], DATA)
            self.assertEqual(own.exchange(records.set_data('/large', b'')).err, Err.SYSTEM_ERROR)
            self.disks[full.number].free()
            self.ensemble.await_that(
                lambda: own.exchange(records.set_data('/large', b'')).err == 0, 'there is space')

    def test_of_a_follower(self):
        leader = self.ensemble.leader()
        full = self.ensemble.others(leader)[0]
        with WireClient(full, timeout_ms=60_000) as own, \
                WireClient(leader, timeout_ms=60_000) as client:
            client.create('/large', b'')
            elections = leader.figures()['election_count']
            self.fill(full, client)
            writer = Writer(leader, '/w')
            self.addCleanup(writer.close)
            writer.start()
            self.ensemble.await_that(
                lambda: writer.failure or writer.answered >= 4 * WINDOW, 'the others go on')
            writer.finish()
            self.assertEqual(leader.figures()['election_count'], elections)
            self.assertEqual(own.exchange(records.set_data('/large', b'')).err, Err.SYSTEM_ERROR)
            self.assertEqual(own.get_data('/large/0')[0], DATA)
            self.disks[full.number].free()
            self.ensemble.await_that(
                lambda: own.exchange(records.set_data('/large', b'')).err == 0, 'there is space')


if __name__ == '__main__':
    unittest.main()
