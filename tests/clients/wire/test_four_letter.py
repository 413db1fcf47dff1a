"""Four-letter words: what each prints, who parses it, which are allowed.

Formats are given as regular expressions; `GO_SRVR` and `kazoo_version` follow what go-zookeeper and
kazoo accept.
"""

import re

from harness import records
from harness.cases import ServerCase, differs_from_apache
from harness.codes import Flags
from harness.ensemble import chosen_way
from harness.wire import RawConnection, WireClient, four_letter, server_zxid

NUMBER = r'\d+'
HEX = r'0x[0-9a-f]+'
ENDPOINT = r'/127\.0\.0\.1:\d+'
VERSION = r'\d+\.\d+\.\d+[^,\n]*, built on [^\n]+'
LATENCY = r'\d+/\d+(\.\d{1,4})?/\d+'
# What a member of an ensemble has, and shows besides.
MODE = '(leader|follower|observer)' if chosen_way() else 'standalone'
MEMBER_LINES = (r'(Proposal sizes last/min/max: -?\d+/-?\d+/-?\d+\n)?'
                r'(Peer \d+: [^\n]+\n)+(Last change: [^\n]+\n)?') if chosen_way() else ''

SRVR_TAIL = (rf'Latency min/avg/max: {LATENCY}\nReceived: {NUMBER}\nSent: {NUMBER}\n'
             rf'Connections: {NUMBER}\nOutstanding: {NUMBER}\nZxid: {HEX}\n'
             rf'Mode: {MODE}\nNode count: {NUMBER}\n{MEMBER_LINES}')
SRVR = rf'Zookeeper version: {VERSION}\n{SRVR_TAIL}'
BRIEF_CLIENT = rf' {ENDPOINT}\[[0-9a-f]+\]\(queued={NUMBER},recved={NUMBER},sent={NUMBER}\)\n'
STAT = rf'Zookeeper version: {VERSION}\nClients:\n({BRIEF_CLIENT})*\n{SRVR_TAIL}'
SESSION_DETAILS = (rf',sid={HEX},lop=[A-Z0-9]+,est={NUMBER},to={NUMBER}(,lcxid={HEX})?,lzxid={HEX},'
                   rf'lresp={NUMBER},llat={NUMBER},minlat={NUMBER},avglat={NUMBER},'
                   rf'maxlat={NUMBER}')
CONS = (rf'( {ENDPOINT}\[[0-9a-f]+\]\(queued={NUMBER},recved={NUMBER},sent={NUMBER}'
        rf'({SESSION_DETAILS})?\)\n)*\n')
CONF = (rf'clientPort={NUMBER}\nsecureClientPort=-1\ndataDir=[^\n]+\ndataDirSize={NUMBER}\n'
        rf'dataLogDir=[^\n]+\ndataLogSize={NUMBER}\ntickTime={NUMBER}\nmaxClientCnxns={NUMBER}\n'
        rf'minSessionTimeout={NUMBER}\nmaxSessionTimeout={NUMBER}\n'
        rf'clientPortListenBacklog=-?{NUMBER}\nserverId={NUMBER}\n')
if chosen_way():
    CONF += (rf'initLimit={NUMBER}\nsyncLimit={NUMBER}\nelectionAlg=3\nelectionPort={NUMBER}\n'
             rf'quorumPort={NUMBER}\npeerType=[01]\nmembership: \n(server\.\d+=[^\n]+\n)+version=0')
EXPIRY = r'\d+ expire at [A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [0-9:]+ [A-Z]+ \d{4}:\n'
# Only a leader, or a single server, knows when sessions expire.
SESSIONS = (rf'(Session Sets \(\d+\)/\(\d+\):\n({EXPIRY}(\t{HEX}\n)*)*|'
            rf'Global Sessions\(\d+\):\n({HEX}\t\d+ms\n)*)')
DUMP = (rf'SessionTracker dump:\n{SESSIONS}'
        rf'ephemeral nodes dump:\nSessions with Ephemerals \(\d+\):\n({HEX}:\n(\t/[^\n]*\n)+)*'
        rf'Connections dump:\nConnections Sets \(\d+\)/\(\d+\):\n'
        rf'({EXPIRY}(\tip: {ENDPOINT} sessionId: {HEX}\n)*)*')

GO_SRVR = re.compile(
    r'\AZookeeper version: [A-Za-z0-9.\-]+, built on \d\d/\d\d/\d{4} \d\d:\d\d [A-Za-z0-9:+\-]+.*\n'
    r'Latency min/avg/max: \d+/\d+/\d+.*\n'
    r'Received: \d+.*\nSent: \d+.*\nConnections: \d+.*\nOutstanding: \d+.*\n'
    r'Zxid: 0x[A-Za-z0-9]+.*\nMode: \w+.*\nNode count: \d+')

MNTR_KEYS = [
    'zk_version', 'zk_server_state', 'zk_ephemerals_count', 'zk_num_alive_connections',
    'zk_avg_latency', 'zk_outstanding_requests', 'zk_znode_count', 'zk_global_sessions',
    'zk_local_sessions', 'zk_packets_sent', 'zk_packets_received', 'zk_watch_count',
    'zk_min_latency', 'zk_max_latency', 'zk_max_file_descriptor_count',
    'zk_open_file_descriptor_count', 'zk_approximate_data_size', 'zk_uptime']

ALL_WORDS = ['conf', 'cons', 'crst', 'dirs', 'dump', 'envi', 'gtmk', 'hash', 'isro', 'mntr',
             'ruok', 'srst', 'srvr', 'stat', 'stmk', 'wchc', 'wchp', 'wchs']
REFUSAL = '{} is not executed because it is not in the whitelist.\n'
STMK_TAIL = (306).to_bytes(8, 'big')


def kazoo_version(text):
    """The version as kazoo reads it from envi: the leading digits and dots after the key."""
    for line in text.splitlines():
        if line.startswith('zookeeper.version='):
            digits = re.match(r'[\d.]*', line.partition('=')[2]).group()
            return tuple(int(part) for part in digits.split('.') if part)
    return ()


class Words(ServerCase):

    def word(self, word, tail=b''):
        return four_letter(self.server, word, tail)

    def assert_format(self, text, pattern):
        self.assertTrue(re.fullmatch(pattern, text), f'{text!r} is not as {pattern}')

    def test_simple_answers(self):
        for word, answer in (('ruok', 'imok'), ('isro', 'rw'),
                             ('crst', 'Connection stats reset.\n'),
                             ('srst', 'Server stats reset.\n')):
            with self.subTest(word=word):
                self.assertEqual(self.word(word), answer)

    def test_trailing_newline_is_ignored(self):
        for tail in (b'\n', b'\r\n'):
            self.assertEqual(self.word('ruok', tail), 'imok')

    def test_word_may_arrive_byte_by_byte(self):
        connection = self.connect_raw()
        for byte in b'ruok':
            connection.send_raw(bytes([byte]))
        self.assertEqual(connection.receive_until_closed(), b'imok')

    def test_trace_mask(self):
        self.assertEqual(self.word('stmk', (5).to_bytes(8, 'big')), '5')
        self.assertEqual(self.word('gtmk'), '5')
        self.assertEqual(self.word('stmk', STMK_TAIL), '306')
        self.assertEqual(self.word('gtmk'), '306')

    def test_unknown_words_close_without_output(self):
        for word in ('xxxx', 'RUOK', 'lead', 'help', 'ruo ', '    '):
            with self.subTest(word=word):
                self.assertEqual(self.word(word), '')

    def test_telnet_interrupt_closes(self):
        connection = self.connect_raw()
        connection.send_raw(b'\xff\xf4\xff\xfd')
        self.assert_closed_silently(connection)

    def test_words_are_none_after_the_connect_request(self):
        client = self.connect()
        client.send_raw(b'ruok')
        self.assert_closed_silently(client)

    def test_dirs(self):
        self.assert_format(self.word('dirs'), rf'datadir_size: {NUMBER}\nlogdir_size: {NUMBER}\n')

    def test_srvr(self):
        self.assert_format(self.word('srvr'), SRVR)

    def test_srvr_tells_zxid_and_node_count(self):
        client = self.connect()
        before = int(re.search(r'Node count: (\d+)', self.word('srvr')).group(1))
        zxid = client.exchange(records.create(self.root)).zxid
        text = self.word('srvr')
        self.assertIn(f'\nZxid: {zxid:#x}\n', text)
        self.assertIn(f'\nNode count: {before + 1}\n', text)

    @differs_from_apache('since 3.6 its dates are in another form, which go-zookeeper refuses')
    def test_srvr_as_go_zookeeper_reads_it(self):
        average_of_none = self.word('srst') and self.word('srvr')
        self.assertTrue(GO_SRVR.match(re.sub(r'/(\d+)\.\d+/', r'/\1/', average_of_none)),
                        average_of_none)

    def test_stat(self):
        clients = [self.connect() for _ in range(3)]
        text = self.word('stat')
        self.assert_format(text, STAT)
        self.assertGreaterEqual(len(re.findall(BRIEF_CLIENT, text)), len(clients) + 1)

    def test_cons(self):
        client = self.connect(timeout_ms=12345)
        client.create(self.root)
        client.get_data(self.root)
        text = self.word('cons')
        self.assert_format(text, CONS)
        line, = [line for line in text.splitlines() if f'sid={client.session_id:#x},' in line]
        self.assertIn(',lop=GETD,', line)
        self.assertIn(',to=12345,', line)
        self.assertIn(',lcxid=0x2,', line)
        self.assertIn(f':{client.socket.getsockname()[1]}[', line)
        self.assertIn('recved=3,', line)

    def test_crst_resets_the_counters_of_connections(self):
        client = self.connect()
        client.exists('/')
        self.word('crst')
        line, = [line for line in self.word('cons').splitlines()
                 if f'sid={client.session_id:#x},' in line]
        self.assertIn('recved=0,', line)

    def test_srst_resets_the_counters_of_the_server(self):
        client = self.connect()
        for _ in range(100):
            client.exists('/')
        self.word('srst')
        received = int(re.search(r'Received: (\d+)', self.word('srvr')).group(1))
        self.assertLess(received, 50)

    def test_conf(self):
        text = self.word('conf')
        self.assert_format(text, CONF)
        self.assertIn(f'clientPort={self.server.port}\n', text)
        self.assertIn('tickTime=2000\n', text)
        self.assertIn('minSessionTimeout=4000\nmaxSessionTimeout=40000\n', text)

    def test_envi(self):
        text = self.word('envi')
        lines = text.splitlines()
        self.assertEqual(lines[0], 'Environment:')
        self.assertTrue(text.endswith('\n'))
        keys = [line.partition('=')[0] for line in lines[1:]]
        for key in ('zookeeper.version', 'host.name', 'os.name', 'os.arch', 'os.version',
                    'user.name', 'user.home', 'user.dir'):
            self.assertIn(key, keys)

    def test_version_as_kazoo_reads_it(self):
        self.assertGreaterEqual(len(kazoo_version(self.word('envi'))), 3)

    def test_dump(self):
        client = self.connect()
        client.create(self.root, flags=Flags.EPHEMERAL)
        text = self.word('dump')
        self.assert_format(text, DUMP)
        self.assertIn(f'\n{client.session_id:#x}:\n\t{self.root}\n', text)
        self.assertRegex(text, rf'\n\t?{client.session_id:#x}[\n\t]')
        self.assertIn(f':{client.socket.getsockname()[1]} sessionId: {client.session_id:#x}\n',
                      text)

    def test_hash(self):
        self.assert_format(self.word('hash'), r'([0-9a-f]+: -?\d+\n)*')

    def test_hash_has_an_entry_for_each_128_transactions(self):
        client = self.connect()
        client.send_all([records.sync()] + [records.set_data('/', b'')] * 512)
        for _ in range(513):
            client.receive_reply()
        zxids = [int(line.split(':')[0], 16) for line in self.word('hash').splitlines()]
        self.assertGreaterEqual(len(zxids), 4)
        self.assertEqual(zxids, sorted(set(zxids)))

    def test_mntr(self):
        text = self.word('mntr')
        self.assert_format(text, r'(zk_\w+\t[^\t\n]*\n)+\n?')
        lines = text.splitlines()
        self.assertTrue(lines[0].startswith('zk_version\t'))
        self.assertRegex(lines[1], rf'^zk_server_state\t{MODE}$')
        keys = [line.split('\t')[0] for line in lines]
        self.assertEqual([key for key in MNTR_KEYS if key not in keys], [])

    def mntr_value(self, key):
        return int(re.search(rf'^{key}\t(\d+)$', self.word('mntr'), re.MULTILINE).group(1))

    def test_mntr_counts(self):
        client = self.connect()
        counts = {key: self.mntr_value(key) for key in (
            'zk_znode_count', 'zk_ephemerals_count', 'zk_watch_count')}
        for name in ('', '-2'):
            client.create(self.root + name, flags=Flags.EPHEMERAL)
            client.get_data(self.root + name, watch=True)
        for key, count in counts.items():
            self.assertEqual(self.mntr_value(key), count + 2, key)
        self.assertGreaterEqual(self.mntr_value('zk_num_alive_connections'), 2)
        self.assertGreaterEqual(self.mntr_value('zk_global_sessions'), 1)
        client.close_session()


class WatchWords(ServerCase):

    def test_all_three(self):
        first, second = self.connect(), self.connect()
        first.create('/a')
        first.create('/b')
        first.get_data('/a', watch=True)
        first.get_data('/b', watch=True)
        second.get_data('/a', watch=True)
        second.get_children('/a', watch=True)
        ids = [f'{client.session_id:#x}' for client in (first, second)]
        self.assertEqual(four_letter(self.server, 'wchs'),
                         '2 connections watching 2 paths\nTotal watches:3\n')
        by_session = four_letter(self.server, 'wchc')
        self.assertTrue(by_session.endswith('\n\n'))
        self.assertEqual(self.groups(by_session), {ids[0]: {'/a', '/b'}, ids[1]: {'/a'}})
        by_path = four_letter(self.server, 'wchp')
        self.assertTrue(by_path.endswith('\n\n'))
        self.assertEqual(self.groups(by_path), {'/a': set(ids), '/b': {ids[0]}})

    def groups(self, text):
        """Lines with a tab belong to the line without one above them."""
        groups = {}
        for line in text.splitlines():
            if line.startswith('\t'):
                groups[head].add(line[1:])
            elif line:
                head = line
                groups[head] = set()
        return groups


class OneWrite(ServerCase):
    """kazoo reads an answer with a single recv."""

    @differs_from_apache('its answers leave in pieces')
    def test_every_answer_comes_in_one_piece(self):
        clients = [WireClient(self.server) for _ in range(20)]
        for word in ALL_WORDS:
            with self.subTest(word=word):
                whole = four_letter(self.server, word, STMK_TAIL if word == 'stmk' else b'')
                with RawConnection(self.server) as connection:
                    connection.send_raw(word.encode() + (STMK_TAIL if word == 'stmk' else b''))
                    first = connection.socket.recv(1 << 16).decode()
                    rest = connection.receive_until_closed()
                if not whole:
                    continue
                # What it says may differ by now: sessions expire at other moments.
                self.assertNotEqual(first, '')
                self.assertEqual(rest, b'')
        for client in clients:
            client.close()


class Whitelist(ServerCase):
    config = {'4lw.commands.whitelist': 'ruok, srvr'}

    def test_words_on_the_list_work(self):
        self.assertEqual(four_letter(self.server, 'ruok'), 'imok')
        self.assertGreaterEqual(server_zxid(self.server), 0)

    def test_other_words_are_refused_by_name(self):
        for word in set(ALL_WORDS) - {'ruok', 'srvr', 'stmk'}:
            with self.subTest(word=word):
                self.assertEqual(four_letter(self.server, word), REFUSAL.format(word))
        self.assertEqual(four_letter(self.server, 'stmk', STMK_TAIL), REFUSAL.format('stmk'))

    def test_unknown_words_still_close_without_output(self):
        self.assertEqual(four_letter(self.server, 'xxxx'), '')
