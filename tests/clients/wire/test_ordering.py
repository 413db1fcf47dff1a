"""What a client may rely on: order per connection, reads of its own writes, sync, total order."""

import random

from harness import records
from harness.cases import ServerCase
from harness.codes import Err, Flags, Op, Xid
from harness.wire import Reply


class Pipeline(ServerCase):

    def test_replies_come_in_the_order_of_requests(self):
        client = self.client_with_root()
        generator = random.Random(1)
        makers = [lambda: records.set_data(self.root, b'x'), lambda: records.get_data(self.root),
                  lambda: records.create(self.root + '/s', flags=Flags.SEQUENTIAL),
                  lambda: records.get_children2(self.root), lambda: records.sync(self.root),
                  lambda: records.delete(self.root + '/missing'),
                  lambda: records.multi([records.check(self.root)]),
                  lambda: records.multi_read([records.get_data(self.root)])]
        requests = [generator.choice(makers)() for _ in range(1000)]
        xids = client.send_all(requests)
        self.assertEqual([client.receive_reply().xid for _ in xids], xids)

    def test_reads_see_exactly_the_writes_before_them(self):
        client = self.client_with_root()
        requests = []
        for number in range(300):
            requests += [records.set_data(self.root, b'%d' % number), records.get_data(self.root)]
        client.send_all(requests)
        for number in range(300):
            written = records.decode_body(Op.SET_DATA, client.receive_reply().body)
            data, stat = records.decode_body(Op.GET_DATA, client.receive_reply().body)
            self.assertEqual((data, stat), (b'%d' % number, written))

    def test_failed_write_does_not_stop_the_following_ones(self):
        client = self.client_with_root()
        client.send_all([records.set_data(self.root, b'a', 0), records.set_data(self.root, b'b', 0),
                         records.set_data(self.root, b'c', 1), records.create(self.root + '/x/y'),
                         records.create(self.root + '/x'), records.create(self.root + '/x/y')])
        self.assertEqual([client.receive_reply().err for _ in range(6)],
                         [0, Err.BAD_VERSION, 0, Err.NO_NODE, 0, 0])

    def test_reads_before_a_write_do_not_see_it(self):
        client = self.client_with_root()
        client.send_all([records.get_data(self.root)] * 10
                        + [records.set_data(self.root, b'new')])
        for _ in range(10):
            reply = client.receive_reply()
            self.assertEqual(records.decode_body(Op.GET_DATA, reply.body)[0], b'')
        self.assertEqual(client.receive_reply().err, 0)

    def test_zxids_of_replies_never_fall(self):
        client, other = self.client_with_root(), self.connect()
        xids = client.send_all([records.set_data(self.root, b'x'), records.exists(self.root)] * 100)
        other.send_all([records.create(self.root + '/s', flags=Flags.SEQUENTIAL)] * 100)
        zxids = [client.receive_reply().zxid for _ in xids]
        self.assertEqual(zxids, sorted(zxids))

    def test_pings_in_a_pipeline_are_all_answered(self):
        client = self.client_with_root()
        for _ in range(50):
            client.send(records.set_data(self.root, b'x'))
            client.send(records.ping(), Xid.PING)
        xids = [client.receive().xid for _ in range(100)]
        self.assertEqual(xids.count(Xid.PING), 50)
        written = [xid for xid in xids if xid != Xid.PING]
        self.assertEqual(written, sorted(written))

    def test_deep_pipeline_of_writes(self):
        client = self.client_with_root()
        xids = client.send_all([records.create(f'{self.root}/{number}') for number in range(5000)])
        for xid in xids:
            self.assertEqual(client.receive_reply(xid).err, 0)
        self.assertEqual(client.stat(self.root).num_children, 5000)


class ManyClients(ServerCase):

    def test_sequential_nodes_of_all_clients_are_distinct_and_ordered(self):
        self.client_with_root()
        clients = [self.connect() for _ in range(10)]
        for client in clients:
            client.send_all([records.create2(self.root + '/s', flags=Flags.SEQUENTIAL)] * 50)
        created = []
        for client in clients:
            own = [records.decode_body(Op.CREATE2, client.receive_reply().body) for _ in range(50)]
            self.assertEqual(own, sorted(own))
            created += own
        numbers = sorted((stat.czxid, path) for path, stat in created)
        self.assertEqual([path for _, path in numbers],
                         [f'{self.root}/s{number:010}' for number in range(500)])
        self.assertEqual(len({zxid for zxid, _ in numbers}), 500)

    def test_one_of_many_competing_creations_wins(self):
        self.client_with_root()
        clients = [self.connect() for _ in range(10)]
        for number in range(30):
            for client in clients:
                client.send(records.create(f'{self.root}/{number}'))
            errors = [client.receive_reply().err for client in clients]
            self.assertEqual(sorted(errors), [Err.NODE_EXISTS] * 9 + [0])

    def test_conditional_writes_lose_no_update(self):
        self.client_with_root().set_data(self.root, b'0')
        clients = [self.connect() for _ in range(5)]
        rounds = successes = 0
        while rounds < 100:
            rounds += 1
            seen = [client.get_data(self.root) for client in clients]
            for client, (data, stat) in zip(clients, seen):
                client.send(records.set_data(self.root, b'%d' % (int(data) + 1), stat.version))
            successes += sum(client.receive_reply().err == 0 for client in clients)
        self.assertEqual(int(clients[0].get_data(self.root)[0]), successes)


class Sync(ServerCase):

    def test_path_is_echoed_whatever_it_is(self):
        client = self.connect()
        for path in ('/', self.root, '/missing/x', 'no slash', '', None, '//', '/a\x01'):
            with self.subTest(path=path):
                self.assertEqual(client.sync(path), path)

    def test_it_consumes_no_zxid(self):
        client = self.client_with_root()
        before = client.exchange(records.ping()).zxid
        for _ in range(10):
            client.sync()
        self.assertEqual(client.exchange(records.ping()).zxid, before)

    def test_it_waits_for_earlier_writes_of_its_pipeline(self):
        client = self.client_with_root()
        xids = client.send_all([records.set_data(self.root, b'x')] * 100
                               + [records.sync(), records.get_data(self.root)])
        replies = [client.receive_reply(xid) for xid in xids]
        self.assertGreaterEqual(replies[-2].zxid, replies[-3].zxid)
        self.assertEqual(records.decode_body(Op.GET_DATA, replies[-1].body)[1].version, 100)

    def test_read_behind_it_sees_what_others_had_acknowledged(self):
        writer, reader = self.client_with_root(), self.connect()
        for _ in range(100):
            version = writer.set_data(self.root, b'x').version
            reader.sync(self.root)
            self.assertGreaterEqual(reader.get_data(self.root)[1].version, version)


class Ping(ServerCase):

    def test_answer_is_a_bare_header(self):
        client = self.connect()
        client.send(records.ping(), Xid.PING)
        reply = client.receive()
        self.assertIsInstance(reply, Reply)
        self.assertEqual((reply.xid, reply.err, reply.body), (Xid.PING, 0, b''))

    def test_it_is_not_blocked_by_large_reads_of_others(self):
        reader, client = self.client_with_root(), self.connect()
        reader.set_data(self.root, bytes(1000000))
        reader.send_all([records.get_data(self.root)] * 200)
        for _ in range(20):
            client.ping()
        for _ in range(200):
            self.assertEqual(reader.receive_reply().err, 0)
