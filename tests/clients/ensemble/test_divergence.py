"""A member that holds what the others do not, though it was acknowledged: they were set back to old
copies of their disks. It says so, keeps its tree for somebody to look at, and takes theirs."""

import shutil
import unittest

from harness.ensemble import Ensemble
from harness.wire import WireClient


class DivergenceTest(unittest.TestCase):

    def setUp(self):
        self.ensemble = Ensemble(3)
        self.addCleanup(self.ensemble.close)
        self.ensemble.start()

    def write(self, member, prefix, count):
        with WireClient(member) as client:
            for number in range(count):
                client.create(f'{prefix}{number}')

    def stop_all(self):
        for member in self.ensemble.members:
            member.stop()

    def set_back(self, member):
        shutil.rmtree(member.data_dir)
        shutil.copytree(member.folder / 'copy', member.data_dir)

    def test_it_is_told_kept_and_repaired(self):
        one, *others = self.ensemble.members
        self.write(one, '/old', 3)
        self.stop_all()
        for member in others:
            shutil.copytree(member.data_dir, member.folder / 'copy')
        self.ensemble.start()
        self.write(one, '/lost', 100)
        self.stop_all()
        for member in others:
            self.set_back(member)
            member.launch()
        self.ensemble.await_all_serve()
        self.write(others[0], '/since', 3)
        one.start()

        self.ensemble.await_that(
            lambda: 'servers are not in the same state' in one.log_text(), 'the alarm')
        self.assertIn('it has applied what the majority does not have', one.log_text())
        self.assertEqual(one.figures()['digest_mismatches_count'], '1')
        self.assertEqual(others[0].figures()['digest_mismatches_count'], '0')
        self.ensemble.await_that(lambda: list(one.data_dir.glob('damaged-*/tree.*')), 'kept aside')
        kept, = one.data_dir.glob('damaged-*/tree.*')
        with WireClient(one) as client:
            names = set(client.get_children('/'))
        self.assertEqual({name for name in names if name.startswith(('lost', 'since'))},
                         {'since0', 'since1', 'since2'})

        one.restart()
        self.assertEqual(one.figures()['digest_mismatches_count'], '0')
        self.assertTrue(kept.exists())


if __name__ == '__main__':
    unittest.main()
