"""The connect exchange: its two forms, timeouts, refusals, re-attachment."""

from harness import records
from harness.cases import ServerCase, differs_from_apache
from harness.codes import Op
from harness.wire import (NO_PASSWORD, WireClient, connect_request, parse_connect_answer,
                          server_zxid)


class ConnectAnswer(ServerCase):
    config = {'tickTime': 2000}

    def test_flag_in_the_request_means_37_bytes_in_the_answer(self):
        answer = self.connect(read_only=False).answer
        self.assertEqual(answer.size, 37)
        self.assertIs(answer.read_only, False)

    def test_client_which_may_be_read_only_is_served_read_write(self):
        answer = self.connect(read_only=True).answer
        self.assertEqual(answer.size, 37)
        self.assertIs(answer.read_only, False)

    def test_no_flag_in_the_request_means_36_bytes_in_the_answer(self):
        client = self.connect(read_only=None)
        self.assertEqual(client.answer.size, 36)
        self.assert_alive(client)

    def test_session_has_an_id_and_a_password_of_16_bytes(self):
        for password in (NO_PASSWORD, b'', None):
            with self.subTest(password=password):
                answer = self.connect(password=password).answer
                self.assertEqual(len(answer.password), 16)
                self.assertNotIn(answer.session_id, (0, -2**63))
                self.assertNotEqual(answer.session_id >> 56, -1)

    def test_session_id_is_positive(self):
        self.assertGreater(self.connect().session_id, 0)

    def test_sessions_have_different_ids_and_passwords(self):
        answers = [self.connect().answer for _ in range(20)]
        self.assertEqual(len({answer.session_id for answer in answers}), 20)
        self.assertEqual(len({answer.password for answer in answers}), 20)

    def test_timeout_is_clamped_between_2_and_20_ticks(self):
        for asked, granted in ((1, 4000), (0, 4000), (-5, 4000), (3999, 4000), (4000, 4000),
                               (12345, 12345), (40000, 40000), (40001, 40000), (10**9, 40000),
                               (-2**31, 4000), (2**31 - 1, 40000)):
            with self.subTest(asked=asked):
                self.assertEqual(self.connect(timeout_ms=asked).answer.timeout_ms, granted)

    def test_protocol_version_of_the_request_is_ignored(self):
        for version in (0, 1, 99, -1):
            with self.subTest(version=version):
                answer = self.connect(protocol_version=version).answer
                self.assertEqual(answer.protocol_version, 0)
                self.assertNotEqual(answer.session_id, 0)

    def test_bytes_after_the_last_field_are_ignored(self):
        connection = self.connect_raw()
        connection.send_frame(connect_request(read_only=False) + b'later fields')
        answer = parse_connect_answer(connection.receive_frame())
        self.assertNotEqual(answer.session_id, 0)

    def test_new_session_consumes_a_zxid(self):
        before = server_zxid(self.server)
        self.connect()
        self.assertGreater(server_zxid(self.server), before)

    def test_request_may_arrive_byte_by_byte(self):
        connection = self.connect_raw()
        payload = connect_request()
        for byte in len(payload).to_bytes(4, 'big') + payload:
            connection.send_raw(bytes([byte]))
        self.assertNotEqual(parse_connect_answer(connection.receive_frame()).session_id, 0)

    def test_requests_pipelined_behind_connect_are_answered_in_order(self):
        connection = self.connect_raw()
        frames = [connect_request(read_only=None)]
        for xid, request in enumerate([records.create(self.root, b'1'), records.get_data(self.root),
                                       records.set_data(self.root, b'2'),
                                       records.get_data(self.root)], 1):
            frames.append(xid.to_bytes(4, 'big') + int(request.op).to_bytes(4, 'big')
                          + request.body)
        connection.send_raw(b''.join(len(frame).to_bytes(4, 'big') + frame for frame in frames))
        self.assertNotEqual(parse_connect_answer(connection.receive_frame()).session_id, 0)
        xids = []
        for xid in range(1, 5):
            payload = connection.receive_frame()
            xids.append(int.from_bytes(payload[:4], 'big'))
            self.assertEqual(int.from_bytes(payload[12:16], 'big'), 0)
            if xid == 4:
                self.assertEqual(records.decode_body(Op.GET_DATA, payload[16:])[0], b'2')
        self.assertEqual(xids, [1, 2, 3, 4])


class SessionTimeoutLimits(ServerCase):
    config = {'tickTime': 1000, 'minSessionTimeout': 5000, 'maxSessionTimeout': 7000}

    def test_configured_limits_clamp_the_timeout(self):
        for asked, granted in ((1, 5000), (6000, 6000), (10**6, 7000)):
            with self.subTest(asked=asked):
                self.assertEqual(self.connect(timeout_ms=asked).answer.timeout_ms, granted)


class Refusals(ServerCase):

    def assert_refused(self, connection, size):
        """Three zeros, so that every client library sees an expired session; then the end."""
        answer = parse_connect_answer(connection.receive_frame())
        self.assertEqual(answer.size, size)
        self.assertEqual((answer.timeout_ms, answer.session_id), (0, 0))
        self.assertEqual(answer.password, NO_PASSWORD)
        self.assert_closed_silently(connection)

    def test_unknown_session(self):
        for flag, size in ((False, 37), (True, 37), (None, 36)):
            with self.subTest(flag=flag):
                connection = self.connect_raw()
                connection.send_frame(connect_request(session_id=0x1234, read_only=flag))
                self.assert_refused(connection, size)

    def test_unknown_session_with_odd_passwords(self):
        for password in (None, b'', b'short', bytes(1000)):
            with self.subTest(password=password):
                connection = self.connect_raw()
                connection.send_frame(connect_request(session_id=0x1234, password=password))
                self.assert_refused(connection, 37)

    def test_wrong_password(self):
        owner = self.connect()
        for password in (b'x' * 16, NO_PASSWORD, b'', None, owner.answer.password + b'x'):
            with self.subTest(password=password):
                connection = self.connect_raw()
                connection.send_frame(connect_request(session_id=owner.session_id,
                                                      password=password))
                self.assert_refused(connection, 37)

    @differs_from_apache('a guessed id with a wrong password kills the live connection')
    def test_wrong_password_leaves_the_live_connection_alone(self):
        owner = self.connect()
        owner.create(self.root, flags=1)
        stranger = self.connect_raw()
        stranger.send_frame(connect_request(session_id=owner.session_id, password=b'x' * 16))
        self.assert_refused(stranger, 37)
        self.assert_alive(owner)
        self.assertEqual(owner.stat(self.root).ephemeral_owner, owner.session_id)

    def test_closed_session(self):
        client = self.connect()
        client.close_session()
        connection = self.connect_raw()
        connection.send_frame(connect_request(**client.credentials))
        self.assert_refused(connection, 37)

    def test_zxid_from_the_future_is_closed_without_data(self):
        zxid = server_zxid(self.server)
        for ahead in (1000, 2**40, 2**63 - 1 - zxid):
            with self.subTest(ahead=ahead):
                connection = self.connect_raw()
                connection.send_frame(connect_request(last_zxid=zxid + ahead))
                self.assert_closed_silently(connection)

    def test_zxid_that_the_server_has_reached_is_fine(self):
        zxid = server_zxid(self.server)
        self.assertNotEqual(self.connect(last_zxid=zxid).session_id, 0)
        self.assertNotEqual(self.connect(last_zxid=0).session_id, 0)
        self.assertNotEqual(self.connect(last_zxid=-1).session_id, 0)

    def test_malformed_connect_request_is_closed_without_data(self):
        whole = connect_request()
        for payload in (b'x', whole[:10], whole[:27], whole[:28], whole[:35], bytes(8),
                        whole[:24] + b'\x7f\xff\xff\xff' + whole[28:],
                        whole[:24] + b'\xff\xff\xff\xfe' + whole[28:]):
            with self.subTest(payload=payload):
                connection = self.connect_raw()
                connection.send_frame(payload)
                self.assert_closed_silently(connection)


class Reattachment(ServerCase):

    def test_session_continues_on_a_new_connection(self):
        first = self.connect()
        first.create(self.root, flags=1)
        first.close()
        second = self.connect(**first.credentials)
        self.assertEqual(second.session_id, first.session_id)
        self.assertEqual(second.answer.password, first.answer.password)
        self.assertEqual(second.stat(self.root).ephemeral_owner, first.session_id)

    def test_old_connection_on_the_same_server_is_closed(self):
        first = self.connect()
        second = self.connect(**first.credentials)
        self.assert_closed_silently(first)
        self.assert_alive(second)

    def test_timeout_is_negotiated_again(self):
        first = self.connect(timeout_ms=10000)
        second = self.connect(timeout_ms=20000, **first.credentials)
        self.assertEqual(second.answer.timeout_ms, 20000)

    def test_answer_has_the_form_of_the_new_request(self):
        first = self.connect(read_only=False)
        second = self.connect(read_only=None, **first.credentials)
        self.assertEqual(second.answer.size, 36)

    def test_watches_stay_behind(self):
        first = self.client_with_root()
        first.get_data(self.root, watch=True)
        second = self.connect(**first.credentials)
        second.set_data(self.root, b'x')
        self.assert_events(second)

    def test_chain_of_reattachments_leaves_one_connection(self):
        client = self.client_with_root()
        credentials = client.credentials
        older = [client] + [self.connect(**credentials) for _ in range(10)]
        newest = older.pop()
        for connection in older:
            self.assert_closed_silently(connection)
        newest.set_data(self.root, b'mine')

    def test_session_survives_its_server_restarting(self):
        first = self.connect(timeout_ms=30000)
        first.create(self.root, flags=1)
        zxid = first.last_zxid
        self.server.restart()
        second = self.connect(timeout_ms=30000, last_zxid=zxid, **first.credentials)
        self.assertEqual(second.session_id, first.session_id)
        self.assertEqual(second.stat(self.root).ephemeral_owner, first.session_id)
        second.set_data(self.root, b'after')

    def test_session_survives_its_server_being_killed(self):
        first = self.connect(timeout_ms=30000)
        first.create(self.root, flags=1)
        zxid = first.last_zxid
        self.server.restart(graceful=False)
        second = WireClient(self.server, timeout_ms=30000, last_zxid=zxid, **first.credentials)
        self.addCleanup(second.close)
        self.assertEqual(second.stat(self.root).ephemeral_owner, first.session_id)
