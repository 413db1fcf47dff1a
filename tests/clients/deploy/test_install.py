"""`meson install`: programs, samples and units arrive where the documents look for them."""

import pathlib
import subprocess
import tempfile
import unittest

from harness.server import REPOSITORY, topod_binary

BUILD = topod_binary().parents[1]


class Install(unittest.TestCase):

    def test_everything_arrives(self):
        with tempfile.TemporaryDirectory(prefix='install-') as name:
            subprocess.run(['meson', 'install', '-C', BUILD, '--no-rebuild', '--destdir', name],
                           capture_output=True, check=True, timeout=60)
            files = {str(path.relative_to(name)): path
                     for path in pathlib.Path(name).rglob('*') if path.is_file()}
            prefix = next(path for path in files if path.endswith('/bin/topod'))[:-len('bin/topod')]
            arrived = {path.removeprefix(prefix) for path in files}
            conf = REPOSITORY / 'conf'
            samples = {f'share/topod/{path.relative_to(conf)}'
                       for folder in ('cells', 'grafana', 'kubernetes', 'prometheus')
                       for path in (conf / folder).iterdir()}
            self.assertLessEqual(samples | {
                'bin/topod', 'bin/topoctl', 'bin/topobench', 'share/topod/topod.cfg',
                'lib/sysusers.d/topod.conf', 'lib/systemd/system/topod.service',
                'lib/systemd/system/topod@.service'}, arrived)
            # What is installed is for those who run it, not for those who build it.
            self.assertEqual({path for path in arrived
                              if path.startswith(('include/', 'lib/lib')) or 'test' in path},
                             set())
            version = subprocess.run([files[f'{prefix}bin/topod'], '--version'], check=True,
                                     capture_output=True, text=True, timeout=20).stdout
            self.assertTrue(version.startswith('topod '), version)


if __name__ == '__main__':
    unittest.main()
