"""The systemd units: systemd accepts them, and topod says what they wait for."""

import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

from harness.ensemble import Ensemble
from harness.server import REPOSITORY, Topod, topod_binary

UNITS = REPOSITORY / 'conf' / 'systemd'
# Of 10: what `systemd-analyze security` calls OK.
EXPOSURE_MAX = 1.5
NOTIFICATION_DEADLINE_S = 20


@unittest.skipUnless(shutil.which('systemd-analyze'), 'there is no systemd-analyze here')
class Units(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='units-')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def copy(self, name, instance=''):
        """The unit with an ExecStart that exists; a template under the name of an instance."""
        text = (UNITS / name).read_text()
        self.assertEqual(text.count('\nExecStart=topod '), 1)
        copy = self.folder / name.replace('@', f'@{instance}')
        copy.write_text(text.replace('\nExecStart=topod ', f'\nExecStart={topod_binary()} '))
        return copy

    def analyze(self, *words):
        return subprocess.run(['systemd-analyze', *words], capture_output=True, text=True,
                              timeout=60, check=False)

    def test_systemd_finds_no_fault_in_them(self):
        for unit in (self.copy('topod.service'), self.copy('topod@.service', 'zone1')):
            done = self.analyze('verify', '--man=no', str(unit))
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ''), unit.name)

    def test_a_fault_would_be_found(self):
        unit = self.copy('topod.service')
        unit.write_text(unit.read_text().replace('ProtectSystem=strict', 'ProtectSytem=strict'))
        self.assertIn('ProtectSytem', self.analyze('verify', '--man=no', str(unit)).stderr)

    def test_they_expose_little(self):
        done = self.analyze('security', '--offline=true', '--no-pager',
                            f'--threshold={int(EXPOSURE_MAX * 10)}',
                            str(self.copy('topod.service')))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Pair(unittest.TestCase):

    def test_the_two_units_differ_in_names_alone(self):
        def settings(name):
            return [line for line in (UNITS / name).read_text().splitlines()
                    if line and not line.startswith('#')]
        instance = [line.replace('%i.cfg', 'topod.cfg').replace('topod/%i', 'topod')
                    .replace(', %i', '') for line in settings('topod@.service')]
        self.assertEqual(instance, settings('topod.service'))

    def test_a_configuration_fault_is_not_tried_again(self):
        done = subprocess.run([topod_binary(), '--config', REPOSITORY / 'nowhere.cfg'],
                              capture_output=True, timeout=20, check=False)
        self.assertIn(f'\nRestartPreventExitStatus={done.returncode} ',
                      (UNITS / 'topod.service').read_text())


class Notifications(unittest.TestCase):
    """What Type=notify waits for."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='notify-')
        self.addCleanup(folder.cleanup)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.path = f'{folder.name}/notify'
        self.socket.bind(self.path)
        self.socket.settimeout(NOTIFICATION_DEADLINE_S)

    def told(self):
        return self.socket.recv(4096).decode()

    def test_ready_is_told_when_clients_are_served_and_stopping_at_once(self):
        with Topod(environment={'NOTIFY_SOCKET': self.path}) as server:
            self.assertEqual(self.told(), 'READY=1')
            server.stop()
            self.assertEqual(self.told(), 'STOPPING=1')

    def test_a_member_is_ready_before_the_others_come_and_says_what_it_does(self):
        ensemble = Ensemble(3)
        self.addCleanup(ensemble.close)
        first = ensemble[1]
        first.environment = {'NOTIFY_SOCKET': self.path}
        first.launch()
        self.assertEqual(self.told(), 'READY=1')
        ensemble.start()
        heard = []
        while not heard or 'not serving' in heard[-1]:
            heard.append(self.told())
        self.assertIn(heard[-1], ('STATUS=leading', 'STATUS=following'))


if __name__ == '__main__':
    unittest.main()
