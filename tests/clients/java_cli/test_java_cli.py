"""The stock Java command line, through all its commands."""

import re

from harness.cases import ServerCase

from .cli import JavaCli

STAT_FIELDS = ['cZxid', 'ctime', 'mZxid', 'mtime', 'pZxid', 'cversion', 'dataVersion', 'aclVersion',
               'ephemeralOwner', 'dataLength', 'numChildren']
# The commands this module uses; a test below compares them with what the command line knows.
COMMANDS_USED = {
    'addWatch', 'addauth', 'close', 'config', 'connect', 'create', 'delete', 'deleteall',
    'delquota', 'get', 'getAcl', 'getAllChildrenNumber', 'getEphemerals', 'history', 'listquota',
    'ls', 'printwatches', 'quit', 'reconfig', 'redo', 'removewatches', 'set', 'setAcl', 'setquota',
    'stat', 'sync', 'version', 'whoami'}
TTL_MS = 600000


def parse_stat(lines):
    """The fields of a Stat as text, from the last lines of an output."""
    return dict(line.split(' = ', 1) for line in lines[-len(STAT_FIELDS):])


class JavaCommandLine(ServerCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cli = JavaCli(cls.server)
        cls.addClassCleanup(cls.cli.close)

    def setUp(self):
        super().setUp()
        self.run_expecting(f'create {self.root} data', f'Created {self.root}')

    def run_expecting(self, command, *lines):
        """Runs a command that must print exactly these lines."""
        self.assertEqual(self.cli.run(command), list(lines), command)

    def stat(self, path):
        lines = self.cli.run(f'stat {path}')
        self.assertEqual(list(parse_stat(lines)), STAT_FIELDS)
        return parse_stat(lines)

    def test_it_knows_no_command_but_those_tested(self):
        lines = self.cli.run('no-such-command')
        self.assertIn('Command not found: Command not found no-such-command', lines)
        known = {line.split()[0] for line in lines if line.startswith('\t')}
        self.assertEqual(known, COMMANDS_USED)

    def test_create_in_all_modes(self):
        root = self.root
        self.run_expecting(f'create {root} again', f'Node already exists: {root}')
        self.run_expecting(f'create {root}/p', f'Created {root}/p')
        self.run_expecting(f'create -e {root}/e x', f'Created {root}/e')
        self.run_expecting(f'create -s {root}/s- x', f'Created {root}/s-0000000002')
        self.run_expecting(f'create -s -e {root}/s- x', f'Created {root}/s-0000000003')
        self.run_expecting(f'create -c {root}/c', f'Created {root}/c')
        self.run_expecting(f'create -t {TTL_MS} {root}/t x', f'Created {root}/t')
        self.run_expecting(f'create -s -t {TTL_MS} {root}/t- x', f'Created {root}/t-0000000006')
        self.run_expecting(f'create {root}/e/x', f'Ephemerals cannot have children: {root}/e/x')
        self.run_expecting('create /missing/x', 'Node does not exist: /missing/x')
        self.assertNotEqual(self.stat(f'{root}/e')['ephemeralOwner'], '0x0')
        for persistent in ('p', 'c', 't'):
            self.assertEqual(self.stat(f'{root}/{persistent}')['ephemeralOwner'], '0x0')

    def test_ls(self):
        root = self.root
        for child in ('b', 'a', 'a/deep'):
            self.run_expecting(f'create {root}/{child}', f'Created {root}/{child}')
        self.run_expecting(f'ls {root}', '[a, b]')
        self.run_expecting(f'ls -R {root}', root, f'{root}/a', f'{root}/b', f'{root}/a/deep')
        lines = self.cli.run(f'ls -s {root}')
        self.assertEqual(lines[0], '[a, b]')
        self.assertEqual((parse_stat(lines)['numChildren'], parse_stat(lines)['cversion']),
                         ('2', '2'))
        self.run_expecting('ls /missing', 'Node does not exist: /missing')
        self.run_expecting(f'getAllChildrenNumber {root}', '3')

    def test_get_set_and_stat(self):
        root = self.root
        self.run_expecting(f'get {root}', 'data')
        before = self.stat(root)
        self.assertEqual((before['dataVersion'], before['dataLength']), ('0', '4'))
        self.run_expecting(f'set {root} newer')
        after = parse_stat(self.cli.run(f'set -s -v 1 {root} newest'))
        self.assertEqual((after['dataVersion'], after['dataLength']), ('2', '6'))
        self.assertEqual(after['cZxid'], before['cZxid'])
        self.assertGreater(int(after['mZxid'], 16), int(before['mZxid'], 16))
        self.run_expecting(f'set -v 7 {root} x', f'version No is not valid : {root}')
        lines = self.cli.run(f'get -s {root}')
        self.assertEqual(lines[0], 'newest')
        self.assertEqual(parse_stat(lines), after)
        for command in ('get /missing', 'stat /missing', 'set /missing x'):
            self.run_expecting(command, 'Node does not exist: /missing')

    def test_delete(self):
        root = self.root
        self.run_expecting(f'create {root}/x', f'Created {root}/x')
        self.run_expecting(f'delete {root}', f'Node not empty: {root}')
        self.run_expecting(f'delete -v 5 {root}/x', f'version No is not valid : {root}/x')
        self.run_expecting(f'delete -v 0 {root}/x')
        self.run_expecting(f'delete {root}/x', f'Node does not exist: {root}/x')

    def test_deleteall(self):
        root = self.root
        for path in ('a', 'a/b', 'a/b/c', 'a/d'):
            self.run_expecting(f'create {root}/{path}', f'Created {root}/{path}')
        self.run_expecting(f'deleteall {root}/a -b 2')
        self.run_expecting(f'ls {root}', '[]')
        self.run_expecting(f'deleteall {root}')
        self.run_expecting(f'stat {root}', f'Node does not exist: {root}')

    def test_acls(self):
        root = self.root
        self.run_expecting(f'getAcl {root}', "'world,'anyone", ': cdrwa')
        self.run_expecting(f'create {root}/own x ip:127.0.0.1:cdrwa,world:anyone:r',
                           f'Created {root}/own')
        self.run_expecting(f'getAcl {root}/own', "'ip,'127.0.0.1", ': cdrwa', "'world,'anyone",
                           ': r')
        self.run_expecting(f'setAcl {root} world:anyone:crwa')
        self.run_expecting(f'setAcl -v 9 {root} world:anyone:r',
                           f'version No is not valid : {root}')
        stat = parse_stat(self.cli.run(f'setAcl -s -v 1 {root} world:anyone:cdrwa'))
        self.assertEqual((stat['aclVersion'], stat['dataVersion']), ('2', '0'))
        lines = self.cli.run(f'getAcl -s {root}')
        self.assertEqual(lines[:2], ["'world,'anyone", ': cdrwa'])
        self.assertEqual(parse_stat(lines), stat)
        self.run_expecting(f'setAcl -R {root} world:anyone:cdra')
        self.run_expecting(f'getAcl {root}/own', "'world,'anyone", ': cdra')
        refused = self.cli.run(f'set {root}/own x')
        self.assertEqual(refused, [f'Insufficient permission : {root}/own'])

    def test_credentials(self):
        self.run_expecting('addauth digest u:p')
        self.assertEqual(self.cli.run('whoami')[-2:], ['ip: 127.0.0.1', 'digest: u'])
        self.run_expecting(f'setAcl {self.root} auth::cdrwa')
        self.run_expecting(f'getAcl {self.root}', "'digest,'u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=",
                           ': cdrwa')
        self.run_expecting(f'get {self.root}', 'data')

    def test_getephemerals_and_sync(self):
        root = self.root
        self.run_expecting(f'create -e {root}/mine', f'Created {root}/mine')
        self.run_expecting(f'getEphemerals {root}', f'[{root}/mine]')
        self.assertIn(f'{root}/mine', self.cli.run('getEphemerals')[0])
        self.run_expecting('getEphemerals /nothing-here', '[]')
        self.run_expecting(f'sync {root}', 'Sync is OK')

    def test_quotas(self):
        root = self.root
        limits = f'absolute path is /zookeeper/quota{root}/zookeeper_limits'
        usage = f'Output stat for {root} count=1,bytes=4'
        self.run_expecting(f'setquota -n 100 {root}')
        self.run_expecting(f'setquota -b 1000 {root}')
        self.run_expecting(f'setquota -N 200 {root}')
        self.run_expecting(f'setquota -B 2000 {root}')
        self.run_expecting(
            f'listquota {root}', limits,
            f'Output quota for {root} '
            'count=100,bytes=1000=;byteHardLimit=2000;countHardLimit=200', usage)
        for flag in ('-n', '-N', '-B'):
            self.run_expecting(f'delquota {flag} {root}')
        self.run_expecting(
            f'listquota {root}', limits,
            f'Output quota for {root} count=-1,bytes=1000=;byteHardLimit=-1;countHardLimit=-1',
            usage)
        self.run_expecting(f'create {root}/x 123', f'Created {root}/x')
        self.assertEqual(self.cli.run(f'listquota {root}')[-1],
                         f'Output stat for {root} count=2,bytes=7')
        self.run_expecting(f'delquota {root}')
        self.run_expecting(f'listquota {root}', limits, f'quota for {root} does not exist.')

    def test_one_shot_watches(self):
        root = self.root
        self.run_expecting(f'get -w {root}', 'data')
        self.run_expecting(f'set {root} x')
        self.cli.wait_for_event('NodeDataChanged', root)
        self.run_expecting(f'ls -w {root}', '[]')
        self.run_expecting(f'create {root}/c', f'Created {root}/c')
        self.cli.wait_for_event('NodeChildrenChanged', root)
        self.cli.run(f'stat -w {root}/c')
        self.run_expecting(f'delete {root}/c')
        self.cli.wait_for_event('NodeDeleted', f'{root}/c')
        self.run_expecting(f'set {root} y')
        self.run_expecting(f'sync {root}', 'Sync is OK')
        self.assertEqual(self.cli.take_events(), [])

    def test_persistent_watches(self):
        root = self.root
        self.run_expecting(f'addWatch {root}')
        self.run_expecting(f'create {root}/c', f'Created {root}/c')
        self.run_expecting(f'set {root}/c x')
        self.run_expecting(f'set {root}/c y')
        self.run_expecting(f'delete {root}/c')
        for kind in ('NodeCreated', 'NodeDataChanged', 'NodeDataChanged', 'NodeDeleted'):
            self.cli.wait_for_event(kind, f'{root}/c')
        self.run_expecting(f'removewatches {root}')
        self.cli.wait_for_event('PersistentWatchRemoved', root)

        self.run_expecting(f'addWatch -m PERSISTENT {root}')
        for child in ('a', 'b'):
            self.run_expecting(f'create {root}/{child}', f'Created {root}/{child}')
            self.cli.wait_for_event('NodeChildrenChanged', root)
        self.run_expecting(f'removewatches {root} -a')
        self.cli.wait_for_event('PersistentWatchRemoved', root)
        self.run_expecting(f'create {root}/unseen', f'Created {root}/unseen')
        self.run_expecting(f'sync {root}', 'Sync is OK')
        self.assertEqual(self.cli.take_events(), [])

    def test_removewatches(self):
        root = self.root
        self.run_expecting(f'get -w {root}', 'data')
        self.run_expecting(f'removewatches {root} -c',
                           f'KeeperErrorCode = No such watcher for {root}')
        self.run_expecting(f'removewatches {root} -d')
        self.cli.wait_for_event('DataWatchRemoved', root)
        self.run_expecting(f'ls -w {root}', '[]')
        self.run_expecting(f'removewatches {root} -c -l')
        self.cli.wait_for_event('ChildWatchRemoved', root)
        self.run_expecting(f'removewatches {root}',
                           f'KeeperErrorCode = No such watcher for {root}')

    def test_configuration(self):
        self.cli.run('config')
        self.cli.run('config -c')
        self.assertEqual(list(parse_stat(self.cli.run('config -s'))), STAT_FIELDS)
        self.cli.run('config -w')
        self.run_expecting('removewatches /zookeeper/config -d')
        self.run_expecting('reconfig -add server.2=localhost:1:2;3',
                           'KeeperErrorCode = Reconfig is disabled')

    def test_version(self):
        self.assertRegex(self.cli.run('version')[0], r'^ZooKeeper CLI version: \d+\.\d+\.\d+')

    def test_history_and_redo(self):
        lines = self.cli.run('history')
        numbers = [re.match(r'(\d+) - (.*)', line).groups() for line in lines]
        self.assertEqual(numbers[-1][1], 'history')
        number = next(n for n, command in reversed(numbers) if command.startswith('create'))
        self.run_expecting(f'redo {number}', f'Node already exists: {self.root}')


class OwnProcess(ServerCase):
    """What would disturb other tests: each of these has a command line of its own."""

    def setUp(self):
        super().setUp()
        self.cli = JavaCli(self.server)
        self.addCleanup(self.cli.close)
        self.assertEqual(self.cli.run(f'create {self.root}')[-1], f'Created {self.root}')

    def test_printwatches_off_silences_events(self):
        self.cli.take_events()
        self.assertEqual(self.cli.run('printwatches off'), [])
        self.cli.run(f'get -w {self.root}')
        self.cli.run(f'set {self.root} x')
        self.assertEqual(self.cli.run(f'sync {self.root}'), ['Sync is OK'])
        self.assertEqual(self.cli.take_events(), [])
        self.assertEqual(self.cli.run('printwatches on'), [])
        self.cli.run(f'get -w {self.root}')
        self.cli.run(f'set {self.root} y')
        self.cli.wait_for_event('NodeDataChanged', self.root)

    def test_close_and_connect(self):
        self.cli.run(f'create -e {self.root}/mine')
        self.cli.run('close')
        self.assertEqual(self.cli.run(f'ls {self.root}')[-1], 'Not connected')
        self.cli.run(f'connect {self.server.address}')
        self.assertEqual(self.cli.run(f'ls {self.root}')[-1], '[]')

    def test_quit(self):
        self.assertEqual(self.cli.quit(), 0)

    def test_the_session_outlives_a_restart_of_the_server(self):
        self.cli.run(f'create -e {self.root}/mine')
        self.cli.run(f'addWatch {self.root}')
        self.cli.run(f'get -w {self.root}')
        self.cli.take_events()
        self.server.restart()
        # One event says that the connection is lost, the next that the session goes on.
        self.cli.wait_for_event('None', 'null')
        self.cli.wait_for_event('None', 'null')
        self.assertEqual(self.cli.run(f'ls {self.root}'), ['[mine]'])
        self.cli.run(f'set {self.root} x')
        self.cli.wait_for_event('NodeDataChanged', self.root)
        self.cli.run(f'create {self.root}/other')
        self.cli.wait_for_event('NodeCreated', f'{self.root}/other')
