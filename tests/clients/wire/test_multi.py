"""multi and multiRead: results, failures, atomicity."""

import struct

from harness import records
from harness.cases import ServerCase, differs_from_apache
from harness.codes import Err, EventType, Flags, Op, Perms, WatchMode
from harness.records import Acl, Request

NOT_ATTEMPTED = Err.RUNTIME_INCONSISTENCY


class MultiSuccess(ServerCase):

    def test_result_types(self):
        client = self.client_with_root()
        path = self.root
        results = client.multi(
            records.create(path + '/1'), records.create_container(path + '/2'),
            records.create_ttl(path + '/3', 10**9), records.set_data(path + '/1', b'x'),
            records.check(path + '/1', 1), records.delete(path + '/1'))
        self.assertEqual([result.type for result in results], [1, 15, 15, 5, 13, 2])
        self.assertEqual([result.err for result in results], [0] * 6)
        self.assertEqual(results[0].value, path + '/1')
        for number in (2, 3):
            self.assertEqual(results[number - 1].value,
                             (f'{path}/{number}', client.stat(f'{path}/{number}')))

    @differs_from_apache('3.8 answers create2 in a multi as if it were create')
    def test_create2_is_answered_with_its_own_type(self):
        client = self.client_with_root()
        path = self.root + '/a'
        results = client.multi(records.create2(path), records.set_data(path, b'x'))
        self.assertEqual([result.type for result in results], [15, 5])
        self.assertEqual(results[0].value[1],
                         client.stat(path)._replace(version=0, data_length=0))

    def test_empty_multi_succeeds_with_no_result(self):
        client = self.connect()
        self.assertEqual(client.multi(), [])
        reply = client.exchange(records.multi([]))
        self.assertEqual((reply.err, reply.body), (0, b'\xff\xff\xff\xff\x01\xff\xff\xff\xff'))

    def test_all_operations_share_one_zxid(self):
        client = self.client_with_root()
        reply = client.exchange(records.multi([
            records.create(self.root + '/a'), records.create(self.root + '/a/b'),
            records.set_data(self.root, b'')]))
        a, b, root = (client.stat(self.root + path) for path in ('/a', '/a/b', ''))
        self.assertEqual({a.czxid, a.mzxid, a.pzxid, b.czxid, root.mzxid, root.pzxid},
                         {reply.zxid})

    def test_each_child_operation_counts(self):
        client = self.client_with_root()
        client.multi(records.create(self.root + '/a'), records.create(self.root + '/b'),
                     records.delete(self.root + '/a'))
        stat = client.stat(self.root)
        self.assertEqual((stat.cversion, stat.num_children), (3, 1))

    def test_operations_see_the_earlier_ones(self):
        client = self.client_with_root()
        path = self.root + '/a'
        results = client.multi(
            records.create(path, b'1'), records.create(path + '/child'),
            records.delete(path + '/child'), records.set_data(path, b'2', 0),
            records.check(path, 1), records.delete(path, 1), records.create(path, b'3'))
        self.assertEqual([result.err for result in results], [0] * 7)
        data, stat = client.get_data(path)
        self.assertEqual((data, stat.version), (b'3', 0))

    def test_stats_are_those_of_their_moment(self):
        client = self.client_with_root()
        path = self.root + '/a'
        results = client.multi(records.create_container(path, b'1'), records.set_data(path, b'22'),
                               records.create(path + '/c'), records.set_data(path, b'333'))
        created, first, last = results[0].value[1], results[1].value, results[3].value
        self.assertEqual((created.version, created.data_length), (0, 1))
        self.assertEqual((first.version, first.data_length, first.num_children), (1, 2, 0))
        self.assertEqual((last.version, last.data_length, last.num_children), (2, 3, 1))
        self.assertEqual(last, client.stat(path))

    def test_ephemerals_and_sequences(self):
        client = self.client_with_root()
        results = client.multi(records.create(self.root + '/e', flags=Flags.EPHEMERAL),
                               records.create(self.root + '/s', flags=Flags.SEQUENTIAL))
        self.assertEqual(results[1].value, self.root + '/s0000000001')
        self.assertEqual(client.stat(self.root + '/e').ephemeral_owner, client.session_id)

    def test_thousand_operations(self):
        client = self.client_with_root()
        results = client.multi(*[records.create(f'{self.root}/{i}') for i in range(1000)])
        self.assertEqual(len(results), 1000)
        client.multi(*[records.delete(f'{self.root}/{i}') for i in range(1000)])
        self.assertEqual(client.stat(self.root).cversion, 2000)


class MultiFailure(ServerCase):

    def errors(self, client, *requests):
        """The errors of a multi that must fail without an error in the header."""
        reply = client.exchange(records.multi(requests))
        self.assertEqual(reply.err, 0)
        results = records.decode_body(Op.MULTI, reply.body)
        self.assertEqual({result.type for result in results}, {-1})
        return [result.err for result in results]

    def test_codes_before_at_and_after_the_failure(self):
        client = self.client_with_root()
        self.assertEqual(
            self.errors(client, records.create(self.root + '/a'), records.check(self.root, 9),
                        records.delete(self.root), records.create('bad')),
            [0, Err.BAD_VERSION, NOT_ATTEMPTED, NOT_ATTEMPTED])

    def test_nothing_remains(self):
        client = self.client_with_root()
        client.create(self.root + '/old', b'old')
        before = client.stat(self.root), client.get_data(self.root + '/old')
        self.errors(client, records.create(self.root + '/new'),
                    records.create(self.root + '/e', flags=Flags.EPHEMERAL),
                    records.set_data(self.root + '/old', b'new'),
                    records.delete(self.root + '/old'), records.create(self.root + '/new/c'),
                    records.set_data(self.root, b'x'), records.check(self.root + '/missing'))
        self.assertEqual((client.stat(self.root), client.get_data(self.root + '/old')), before)
        self.assertEqual(client.get_children(self.root), ['old'])
        self.assertEqual(client.call(records.get_ephemerals(self.root)), [])

    def test_each_cause(self):
        client = self.client_with_root()
        client.create(self.root + '/full')
        client.create(self.root + '/full/child')
        client.create(self.root + '/e', flags=Flags.EPHEMERAL)
        client.create(self.root + '/locked', acl=(Acl(Perms.ADMIN, 'world', 'anyone'),))
        causes = [
            (records.create(self.root), Err.NODE_EXISTS),
            (records.create(self.root + '/no/child'), Err.NO_NODE),
            (records.create(self.root + '/e/child'), Err.NO_CHILDREN_FOR_EPHEMERALS),
            (records.create(self.root + '/x', acl=()), Err.INVALID_ACL),
            (records.create('x'), Err.BAD_ARGUMENTS),
            (records.create(self.root + '/x\x01'), Err.BAD_ARGUMENTS),
            (records.create_ttl(self.root + '/x', 0), Err.BAD_ARGUMENTS),
            (records.create(self.root + '/locked/x'), Err.NO_AUTH),
            (records.delete(self.root + '/missing'), Err.NO_NODE),
            (records.delete(self.root + '/full'), Err.NOT_EMPTY),
            (records.delete(self.root + '/full', 3), Err.BAD_VERSION),
            (records.delete('/zookeeper'), Err.BAD_ARGUMENTS),
            (records.set_data(self.root + '/missing', b''), Err.NO_NODE),
            (records.set_data(self.root, b'', 5), Err.BAD_VERSION),
            (records.set_data('/a/', b''), Err.BAD_ARGUMENTS),
            (records.set_data(self.root + '/locked', b''), Err.NO_AUTH),
            (records.check(self.root + '/missing'), Err.NO_NODE),
            (records.check(self.root, 5), Err.BAD_VERSION),
            (records.check('x'), Err.BAD_ARGUMENTS),
            (records.check(self.root + '/locked'), Err.NO_AUTH),
        ]
        for request, err in causes:
            with self.subTest(request=request):
                self.assertEqual(self.errors(client, records.check(self.root), request,
                                             records.check(self.root)), [0, err, NOT_ATTEMPTED])

    def test_bad_flags_are_the_error_of_their_operation(self):
        client = self.client_with_root()
        self.assertEqual(self.errors(client, records.create(self.root + '/a'),
                                     records.create(self.root + '/b', flags=7),
                                     records.create(self.root + '/c')),
                         [0, Err.BAD_ARGUMENTS, NOT_ATTEMPTED])

    @differs_from_apache('TTL flags without a time fail the whole request as malformed')
    def test_flags_that_need_a_ttl_are_the_error_of_their_operation(self):
        client = self.client_with_root()
        for flags in (Flags.TTL, Flags.SEQUENTIAL_TTL):
            self.assertEqual(self.errors(client, records.create(self.root + '/a', flags=flags)),
                             [Err.BAD_ARGUMENTS])

    def test_no_events(self):
        client = self.client_with_root()
        client.add_watch(self.root, WatchMode.PERSISTENT_RECURSIVE)
        client.get_children(self.root, watch=True)
        self.errors(client, records.create(self.root + '/a'), records.set_data(self.root, b''),
                    records.check(self.root, 77))
        self.assert_events(client)

    def test_failed_multi_does_not_stop_what_follows(self):
        client = self.client_with_root()
        client.send_all([records.multi([records.check(self.root, 9)]),
                         records.set_data(self.root, b'x')])
        self.assertEqual([client.receive_reply().err for _ in range(2)], [0, 0])
        self.assertEqual(client.stat(self.root).version, 1)


class MultiMalformed(ServerCase):

    def assert_marshalling(self, client, request):
        reply = client.exchange(request)
        self.assertEqual((reply.err, reply.body), (Err.MARSHALLING, b''))

    def test_types_that_are_not_allowed(self):
        client = self.client_with_root()
        for inner in (records.set_acl(self.root, records.OPEN_ACL), records.exists(self.root),
                      records.get_children2(self.root), records.sync(self.root), records.ping(),
                      records.multi([]), Request(99, b''), Request(-11, b''), Request(0, b'')):
            with self.subTest(type=inner.op):
                self.assert_marshalling(client, records.multi([inner]))
        self.assert_alive(client)

    def test_reads_and_writes_do_not_mix(self):
        client = self.client_with_root()
        mixed = [records.create(self.root + '/a'), records.get_data(self.root)]
        for requests in (mixed, mixed[::-1]):
            self.assert_marshalling(client, records.multi(requests))
            self.assert_marshalling(client, records.multi_read(requests))
        self.assertEqual(client.get_children(self.root), [])

    def test_no_end_marker(self):
        client = self.client_with_root()
        whole = records.multi([records.create(self.root + '/a')])
        for cut in range(1, 20):
            self.assert_marshalling(client, Request(Op.MULTI, whole.body[:-cut]))
        self.assertEqual(client.get_children(self.root), [])

    def test_error_in_the_headers_of_a_request_is_ignored(self):
        client = self.client_with_root()
        body = records.multi([records.create(self.root + '/a')]).body
        changed = body[:5] + struct.pack('>i', 12345) + body[9:]
        self.assertEqual(client.call(Request(Op.MULTI, changed))[0].err, 0)


class MultiEvents(ServerCase):

    def test_one_shot_watch_fires_once_however_often_the_node_is_touched(self):
        client = self.client_with_root()
        path = self.root + '/a'
        self.assert_fails(Err.NO_NODE, client.exists, path, watch=True)
        client.multi(records.create(path), records.set_data(path, b''), records.delete(path))
        self.assertEqual([(e.type, e.path) for e in client.events], [(EventType.CREATED, path)])

    def test_recursive_watcher_gets_each_event_in_order_before_the_reply(self):
        client = self.client_with_root()
        path = self.root + '/a'
        client.add_watch('/', WatchMode.PERSISTENT_RECURSIVE)
        client.multi(records.create(path), records.set_data(path, b''), records.delete(path))
        self.assertEqual([(event.type, event.path) for event in client.events],
                         [(1, path), (3, path), (2, path)])

    @differs_from_apache('3.8 writes no zxid in events')
    def test_events_carry_the_zxid_of_the_multi(self):
        client = self.client_with_root()
        client.add_watch(self.root, WatchMode.PERSISTENT_RECURSIVE)
        reply = client.exchange(records.multi([records.create(self.root + '/a'),
                                               records.create(self.root + '/b')]))
        self.assertEqual([event.zxid for event in client.events], [reply.zxid] * 2)


class MultiRead(ServerCase):

    def test_success_and_failure_mix(self):
        client = self.client_with_root()
        client.create(self.root + '/a', b'data')
        client.create(self.root + '/locked', acl=(Acl(Perms.ADMIN, 'world', 'anyone'),))
        results = client.multi_read(
            records.get_data(self.root + '/a'), records.get_data(self.root + '/missing'),
            records.get_children(self.root), records.get_data(self.root + '/locked'),
            records.get_children(self.root + '/missing'), records.get_children(self.root + '/a'))
        self.assertEqual([result.type for result in results], [4, -1, 8, -1, -1, 8])
        self.assertEqual([result.err for result in results],
                         [0, Err.NO_NODE, 0, Err.NO_AUTH, Err.NO_NODE, 0])
        self.assertEqual(results[0].value, client.get_data(self.root + '/a'))
        self.assertEqual(sorted(results[2].value), ['a', 'locked'])
        self.assertEqual(results[5].value, [])

    def test_watches_are_not_left(self):
        client = self.client_with_root()
        client.multi_read(records.get_data(self.root, watch=True),
                          records.get_children(self.root, watch=True))
        client.set_data(self.root, b'')
        client.create(self.root + '/a')
        self.assert_events(client)

    def test_empty(self):
        self.assertEqual(self.connect().multi_read(), [])

    def test_other_types_are_marshalling_errors(self):
        client = self.client_with_root()
        for inner in (records.exists(self.root), records.get_children2(self.root),
                      records.get_acl(self.root)):
            with self.subTest(type=inner.op):
                self.assert_fails(Err.MARSHALLING, client.multi_read, inner)

    @differs_from_apache('it appends an empty result to the error')
    def test_writes_are_marshalling_errors_without_a_body(self):
        client = self.client_with_root()
        for inner in (records.create(self.root + '/x'), records.check(self.root)):
            with self.subTest(type=inner.op):
                self.assert_fails(Err.MARSHALLING, client.multi_read, inner)
        self.assertEqual(client.get_children(self.root), [])
