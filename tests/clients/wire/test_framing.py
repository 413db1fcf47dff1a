"""Frames and headers: lengths, segments, unknown operations, short and long bodies."""

import struct

from harness import records
from harness.cases import ServerCase, differs_from_apache
from harness.codes import MAX_FRAME_BYTES, Err, Op, Xid
from harness.jute import Writer
from harness.records import Request

HEADER_BYTES = 8
LARGE_WATCH_FRAME_BYTES = 4 << 20
MAX_SET_WATCHES_FRAME_BYTES = 16 << 20


def frame_start(length, op):
    """The announced length and the header of a frame, which say whether it is too long."""
    return struct.pack('>iii', length, 1, op)


def set_data_of_frame_size(path, frame_bytes):
    """A setData request whose frame has exactly this many bytes."""
    empty = records.set_data(path, b'')
    return records.set_data(path, bytes(frame_bytes - HEADER_BYTES - len(empty.body)))


class FrameLength(ServerCase):

    def test_zero_negative_and_too_long_frames_close(self):
        for length in (0, -1, -2**31, MAX_FRAME_BYTES + 1, 2**31 - 1):
            with self.subTest(length=length):
                client = self.connect()
                client.send_raw(frame_start(length, Op.GET_DATA))
                self.assert_closed_silently(client)

    def test_frames_of_set_watches_have_a_limit_too(self):
        for op in (Op.SET_WATCHES, Op.SET_WATCHES2):
            client = self.connect()
            client.send_raw(frame_start(MAX_SET_WATCHES_FRAME_BYTES + 1, op))
            self.assert_closed_silently(client)

    def test_longest_frame_is_accepted(self):
        client = self.client_with_root()
        request = set_data_of_frame_size(self.root, MAX_FRAME_BYTES)
        self.assertEqual(HEADER_BYTES + len(request.body), MAX_FRAME_BYTES)
        stat = client.call(request)
        self.assertEqual(client.get_data(self.root)[1], stat)

    def test_frame_longer_by_one_byte_closes_and_changes_nothing(self):
        client = self.client_with_root()
        client.send_raw(frame_start(MAX_FRAME_BYTES + 1, Op.SET_DATA))
        self.assert_closed_silently(client)
        self.assertEqual(self.connect().stat(self.root).version, 0)

    def test_reply_may_be_longer_than_a_request(self):
        client = self.client_with_root()
        for i in range(40):
            client.create(f'{self.root}/{"n" * 50000}{i}')
        self.assertEqual(len(client.get_children(self.root)), 40)

    @differs_from_apache('the C client sends all watches in one frame and loops for ever')
    def test_set_watches_may_be_larger_than_other_frames(self):
        client = self.client_with_root()
        path = self.root + '/' + 'x' * 1000
        paths = [path] * (LARGE_WATCH_FRAME_BYTES // len(path))
        client.call(records.set_watches(client.last_zxid, exist=paths))
        client.call(records.set_watches(client.last_zxid, persistent=paths))
        client.create(path)
        self.assert_events(client, (1, path))


class SmallFrameLimit(ServerCase):
    config = {'jute.maxbuffer': 4096}

    def test_configured_limit_holds(self):
        client = self.client_with_root()
        client.call(set_data_of_frame_size(self.root, 4096))
        client.send(set_data_of_frame_size(self.root, 4097))
        self.assert_closed_silently(client)


class Segments(ServerCase):

    def test_request_may_arrive_byte_by_byte(self):
        client = self.client_with_root()
        payload = struct.pack('>ii', 7, Op.GET_DATA) + records.get_data(self.root).body
        for byte in struct.pack('>i', len(payload)) + payload:
            client.send_raw(bytes([byte]))
        self.assertEqual(client.receive_reply(7).err, 0)

    def test_many_requests_may_share_a_segment(self):
        client = self.client_with_root()
        xids = client.send_all([records.get_data(self.root)] * 500)
        for xid in xids:
            self.assertEqual(client.receive_reply(xid).err, 0)

    def test_half_a_request_is_forgotten_with_its_connection(self):
        client = self.client_with_root()
        client.send_raw(struct.pack('>iii', 100, 1, Op.DELETE))
        client.close()
        self.assertEqual(self.connect().stat(self.root).version, 0)


class RequestHeader(ServerCase):

    def test_unusual_xids_are_echoed(self):
        client = self.client_with_root()
        for xid in (1, 0, -3, -5, -8, 2**31 - 1, -2**31):
            with self.subTest(xid=xid):
                self.assertEqual(client.exchange(records.exists(self.root), xid).err, 0)
                self.assertEqual(client.exchange(records.set_data(self.root, b''), xid).err, 0)

    def test_same_xid_may_be_used_again(self):
        client = self.client_with_root()
        for _ in range(3):
            self.assertEqual(client.exchange(records.exists(self.root), 5).err, 0)

    def test_unknown_operations_are_answered_and_closed(self):
        for op in (0, 10, 23, 24, 99, 108, 200, -1, -2, -12, 2**31 - 1, -2**31):
            with self.subTest(op=op):
                client = self.connect()
                reply = client.exchange(Request(op), 9)
                self.assertEqual((reply.err, reply.body), (Err.UNIMPLEMENTED, b''))
                self.assert_closed_silently(client)

    @differs_from_apache('-10 from a client is decoded as a new session')
    def test_clients_cannot_create_sessions_by_the_internal_operation(self):
        for body in (b'', Writer().int(10000).bytes(), bytes(64)):
            with self.subTest(body=body):
                client = self.connect()
                reply = client.exchange(Request(Op.CREATE_SESSION, body))
                self.assertEqual((reply.err, reply.body), (Err.UNIMPLEMENTED, b''))
                self.assert_closed_silently(client)

    @differs_from_apache('3.8 never answers it')
    def test_check_outside_multi_is_an_unknown_operation(self):
        client = self.client_with_root()
        reply = client.exchange(records.check(self.root))
        self.assertEqual((reply.err, reply.body), (Err.UNIMPLEMENTED, b''))
        self.assert_closed_silently(client)

    @differs_from_apache('what is read in the same moment is executed')
    def test_requests_behind_an_unknown_operation_are_not_executed(self):
        client = self.client_with_root()
        client.send_all([Request(99), records.delete(self.root)])
        self.assertEqual(client.receive_reply().err, Err.UNIMPLEMENTED)
        self.assert_closed_silently(client)
        self.assertEqual(self.connect().stat(self.root).version, 0)

    @differs_from_apache('the refusal overtakes earlier requests')
    def test_requests_before_an_unknown_operation_are_executed(self):
        client = self.client_with_root()
        client.send_all([records.set_data(self.root, b'x'), Request(99)])
        self.assertEqual([client.receive_reply().err for _ in range(2)], [0, Err.UNIMPLEMENTED])
        self.assertEqual(self.connect().stat(self.root).version, 1)

    @differs_from_apache('it took deletions of containers from clients')
    def test_clients_cannot_delete_containers_by_the_internal_operation(self):
        client = self.connect()
        client.create_container(self.root)
        for body in (Writer().buffer(self.root.encode()).bytes(), self.root.encode(), b''):
            with self.subTest(body=body):
                other = self.connect()
                reply = other.exchange(Request(Op.DELETE_CONTAINER, body))
                self.assertEqual(reply.err, Err.UNIMPLEMENTED)
                self.assert_closed_silently(other)
        client.stat(self.root)

    def test_frame_without_a_whole_header_closes(self):
        for payload in (b'x', b'xid!', b'xid!typ'):
            with self.subTest(payload=payload):
                client = self.connect()
                client.send_frame(payload)
                self.assert_closed_silently(client)


class Bodies(ServerCase):

    REQUESTS = [
        records.create('/a'), records.create2('/a'), records.create_container('/a'),
        records.create_ttl('/a', 1000), records.delete('/a'), records.exists('/a'),
        records.get_data('/a'), records.set_data('/a', b'd'), records.get_acl('/a'),
        records.set_acl('/a', records.OPEN_ACL), records.get_children('/a'),
        records.get_children2('/a'), records.sync('/a'), records.multi([records.check('/a')]),
        records.multi_read([records.get_data('/a')]), records.check_watches('/a', 1),
        records.remove_watches('/a', 1), records.set_watches(0, ['/a'], ['/a'], ['/a']),
        records.set_watches(0, ['/a'], ['/a'], ['/a'], ['/a'], ['/a']), records.add_watch('/a'),
        records.get_ephemerals('/a'), records.get_all_children_number('/a')]

    def test_short_body_is_a_marshalling_error_and_the_connection_lives(self):
        for request in self.REQUESTS:
            client = self.connect()
            for size in range(len(request.body)):
                with self.subTest(op=request.op, size=size):
                    reply = client.exchange(Request(request.op, request.body[:size]))
                    self.assertEqual((reply.err, reply.body), (Err.MARSHALLING, b''))
            self.assert_alive(client)

    def test_absurd_string_lengths_are_marshalling_errors(self):
        client = self.connect()
        for length in (-2, -2**31, 2**31 - 1):
            for op in (Op.CREATE, Op.DELETE, Op.EXISTS, Op.GET_CHILDREN, Op.SYNC, Op.ADD_WATCH):
                with self.subTest(op=op, length=length):
                    reply = client.exchange(Request(op, struct.pack('>i', length) + bytes(16)))
                    self.assertEqual((reply.err, reply.body), (Err.MARSHALLING, b''))
        self.assert_alive(client)

    def assert_bad_counts_are_refused(self, count):
        client = self.connect()
        bad = struct.pack('>i', count)
        acl_vector = Writer().string('/a').buffer(b'').raw(bad).raw(bytes(20)).bytes()
        for request in (Request(Op.CREATE, acl_vector),
                        Request(Op.SET_WATCHES, bytes(8) + bad + bytes(20)),
                        Request(Op.SET_WATCHES2, bytes(8) + bad + bytes(20))):
            with self.subTest(op=request.op, count=count):
                self.assertEqual(client.exchange(request).err, Err.MARSHALLING)
        self.assert_alive(client)

    def test_vectors_longer_than_the_body_are_marshalling_errors(self):
        self.assert_bad_counts_are_refused(1000)
        self.assert_bad_counts_are_refused(2**31 - 1)

    @differs_from_apache('a vector with any negative count is null')
    def test_vectors_with_negative_counts_are_marshalling_errors(self):
        self.assert_bad_counts_are_refused(-2)
        self.assert_bad_counts_are_refused(-2**31)

    def test_bytes_after_the_last_field_are_ignored(self):
        client = self.client_with_root()
        requests = [records.create(self.root + '/a'), records.exists(self.root),
                    records.set_data(self.root, b'd'), records.get_children(self.root),
                    records.multi([records.check(self.root)]), records.sync(self.root),
                    records.add_watch(self.root), records.delete(self.root + '/a'),
                    records.set_watches(0), records.ping(), records.who_am_i()]
        for request in requests:
            with self.subTest(op=request.op):
                reply = client.exchange(Request(request.op, request.body + b'fields to come'))
                self.assertEqual(reply.err, 0)

    def test_error_replies_have_no_body(self):
        client = self.client_with_root()
        missing = self.root + '/missing'
        for request in (records.get_data(missing), records.exists(missing), records.delete(missing),
                        records.set_data(missing, b''), records.get_acl(missing),
                        records.get_children(missing), records.create(self.root),
                        records.create(missing + '/child')):
            with self.subTest(request=request):
                reply = client.exchange(request)
                self.assertNotEqual(reply.err, 0)
                self.assertEqual(reply.body, b'')

    @differs_from_apache('a null path fails inside it with -5 or -8, by operation')
    def test_null_path_is_a_bad_argument(self):
        client = self.connect()
        for request in (records.create(None), records.delete(None), records.set_data(None, b''),
                        records.set_acl(None, records.OPEN_ACL), records.exists(None),
                        records.get_data(None), records.get_children(None),
                        records.get_children2(None), records.get_acl(None),
                        records.get_all_children_number(None)):
            with self.subTest(op=request.op):
                self.assert_fails(Err.BAD_ARGUMENTS, client.call, request)

    def test_add_watch_is_answered_with_four_bytes(self):
        client = self.connect()
        reply = client.exchange(records.add_watch(self.root))
        self.assertEqual((reply.err, reply.body), (0, bytes(4)))


class ReplyZxids(ServerCase):

    def test_write_carries_its_zxid(self):
        client = self.client_with_root()
        reply = client.exchange(records.set_data(self.root, b'x'))
        self.assertEqual(reply.zxid, client.stat(self.root).mzxid)

    def test_read_ping_and_sync_carry_the_last_applied_zxid(self):
        client = self.client_with_root()
        zxid = client.exchange(records.set_data(self.root, b'x')).zxid
        for request in (records.get_data(self.root), records.ping(), records.sync(self.root),
                        records.exists(self.root + '/missing'), records.set_watches(0),
                        records.who_am_i(), records.get_ephemerals()):
            with self.subTest(op=request.op):
                self.assertGreaterEqual(client.exchange(request).zxid, zxid)

    def test_auth_carries_zero(self):
        reply = self.connect().exchange(records.auth('digest', b'u:p'), Xid.AUTH)
        self.assertEqual((reply.zxid, reply.err), (0, 0))

    def test_zxids_of_writes_grow(self):
        client = self.client_with_root()
        client.send_all([records.set_data(self.root, b'x')] * 100)
        zxids = [client.receive_reply().zxid for _ in range(100)]
        self.assertEqual(zxids, sorted(zxids))

    def test_zxid_of_a_failed_write_is_not_ahead_of_the_server(self):
        client = self.client_with_root()
        failed = client.exchange(records.create(self.root))
        self.assertNotEqual(failed.err, 0)
        again = self.connect(last_zxid=failed.zxid)
        self.assertNotEqual(again.session_id, 0)

    def test_ping_is_answered_with_its_own_xid_whatever_it_carried(self):
        client = self.connect()
        for xid in (Xid.PING, 0, 17):
            with self.subTest(xid=xid):
                self.assertEqual(client.exchange(records.ping(), xid).xid, Xid.PING)
