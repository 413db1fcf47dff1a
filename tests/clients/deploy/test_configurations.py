"""The sample configurations: what they say is accepted, and says what a reader takes from it."""

import re
import unittest

from harness.server import REPOSITORY

from .check import KEY_LINE, check, members

CONF = REPOSITORY / 'conf'
CELLS = CONF / 'cells'


def keys(text):
    """The last value of each key that is not commented out."""
    return dict(re.findall(r'^([^#\s]\S*?)=(.*)$', text, re.MULTILINE))


class Samples(unittest.TestCase):

    def assert_accepted(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('configuration is valid', done.stdout)
        for complaint in (' is ignored', 'not a key', 'warn '):
            self.assertNotIn(complaint, done.stderr)

    def test_every_cell_is_accepted_on_each_of_its_machines(self):
        for path in sorted(CELLS.glob('*.cfg')):
            text = path.read_text()
            self.assertEqual(members(text), [1, 2, 3], path)
            for number in members(text):
                with self.subTest(path.name, member=number):
                    self.assert_accepted(check(text, number, ['/etc/topod']))

    def test_a_machine_that_is_in_no_server_line_is_refused(self):
        done = check((CELLS / 'zone1.cfg').read_text(), 4, ['/etc/topod'])
        self.assertEqual(done.returncode, 2)
        self.assertIn('server.4', done.stderr)

    def test_the_global_topology_stands_in_three_cells_and_a_cell_in_one(self):
        for path in sorted(CELLS.glob('*.cfg')):
            said = keys(path.read_text())
            cells = {said[f'cell.{number}'] for number in members(path.read_text())}
            self.assertEqual(cells, {'zone1', 'zone2', 'zone3'} if path.stem == 'global'
                             else {path.stem})

    def test_ensembles_that_share_a_machine_share_nothing_else(self):
        samples = [keys(path.read_text()) for path in sorted(CELLS.glob('*.cfg'))]
        self.assertEqual(len(samples), 3)
        for key in ('dataDir', 'peerSecretFile'):
            self.assertEqual(len({said[key] for said in samples}), len(samples), key)
        addresses = []
        for said in samples:
            for number in (1, 2, 3):
                host, peer, election = said[f'server.{number}'].split(':')
                addresses += [(host, port) for port in (
                    said['clientPort'], peer, election, said['metricsProvider.httpPort'],
                    said['admin.serverPort'])]
        self.assertEqual(len(set(addresses)), len(addresses))

    def test_cells_differ_in_their_name_alone(self):
        one, two = ((CELLS / f'{name}.cfg').read_text() for name in ('zone1', 'zone2'))
        as_two = one.replace('zone1', 'zone2').replace('zone2.example.com:2182',
                                                       'zone1.example.com:2182')
        self.assertEqual(as_two, two)

    def test_the_readme_s_table_the_sample_and_the_program_have_the_same_keys(self):
        sample = {name.rstrip('0123456789').removesuffix('.') if name.startswith(
            ('server.', 'weight.', 'group.', 'cell.')) else name
            for name in KEY_LINE.findall((CONF / 'topod.cfg').read_text())}
        table = set()
        readme = (REPOSITORY / 'README.md').read_text()
        section = readme[readme.index('| key | default'):]
        for row in section[:section.index('\n\n')].splitlines()[2:]:
            names = re.findall(r'`([^`]+)`', row.split('|')[1])
            for name in names:
                # `.maxPerMinute` goes on from the key before it.
                table.add(names[0].rpartition('.')[0] + name if name.startswith('.')
                          else name.removesuffix('.N'))
        self.assertGreater(len(table), 40)
        self.assertEqual(table, sample)
        source = (REPOSITORY / 'server/node/config_keys.cc').read_text()
        applied = source[source.index('kAppliedKeys[] = {'):source.index('kIgnoredKeys[] = {')]
        known = set(re.findall(r'^    \{"([^"]+)",', applied, re.MULTILINE))
        self.assertGreater(len(known), 40)
        self.assertEqual(known - table, set())


if __name__ == '__main__':
    unittest.main()
