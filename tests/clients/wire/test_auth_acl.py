"""Authentication and access control: schemes, rights, normalisation and masking of lists."""

import base64
import hashlib

from harness import records
from harness.cases import ServerCase, differs_from_apache
from harness.codes import Err, Perms, Xid
from harness.records import CREATOR_ACL, OPEN_ACL, Acl

ALL, READ, WRITE = Perms.ALL, Perms.READ, Perms.WRITE
CREATE, DELETE, ADMIN = Perms.CREATE, Perms.DELETE, Perms.ADMIN


def digest_id(credentials):
    """The id that `user:password` authenticates as."""
    sha1 = base64.b64encode(hashlib.sha1(credentials).digest()).decode()
    return f'{credentials.split(b":")[0].decode()}:{sha1}'


def digest_acl(credentials, perms=ALL):
    return (Acl(perms, 'digest', digest_id(credentials)),)


class Auth(ServerCase):

    def test_digest_succeeds_with_the_auth_xid(self):
        client = self.connect()
        reply = client.exchange(records.auth('digest', b'u:p'), Xid.AUTH)
        self.assertEqual((reply.xid, reply.zxid, reply.err, reply.body), (-4, 0, 0, b''))

    def test_positive_xid_works_as_in_go(self):
        client = self.connect()
        self.assertEqual(client.exchange(records.auth('digest', b'u:p'), 77).err, 0)
        client.create(self.root, acl=CREATOR_ACL)
        client.get_data(self.root)

    def test_type_field_is_ignored(self):
        client = self.connect()
        self.assertEqual(client.exchange(records.auth('digest', b'u:p', kind=5)).err, 0)

    def test_refusals_are_answered_and_closed(self):
        for scheme, data in (('world', b'anyone'), ('auth', b''), ('super', b'x'), ('nope', b'x'),
                             ('', b'x'), (None, b'x'), ('Digest', b'u:p'), ('sasl', b'x')):
            with self.subTest(scheme=scheme):
                client = self.connect()
                reply = client.exchange(records.auth(scheme, data), Xid.AUTH)
                self.assertEqual((reply.xid, reply.zxid, reply.err), (-4, 0, Err.AUTH_FAILED))
                self.assertEqual(reply.body, b'')
                self.assert_closed_silently(client)

    def test_digest_without_data_is_refused(self):
        client = self.connect()
        reply = client.exchange(records.auth('digest', None), Xid.AUTH)
        self.assertEqual(reply.err, Err.AUTH_FAILED)
        self.assert_closed_silently(client)

    def test_session_survives_a_refusal(self):
        client = self.connect()
        client.exchange(records.auth('nope', b'x'), Xid.AUTH)
        self.assert_closed_silently(client)
        self.assertEqual(self.connect(**client.credentials).session_id, client.session_id)

    def test_ip_succeeds_and_changes_nothing(self):
        client = self.connect()
        before = client.call(records.who_am_i())
        client.auth('ip', b'10.0.0.1')
        self.assertEqual(client.call(records.who_am_i()), before)

    def test_digest_ids(self):
        self.assertEqual(digest_id(b'u:p'), 'u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=')
        for number, credentials in enumerate((b'u:p', b'abc', b'', b'a:b:c', b':')):
            with self.subTest(credentials=credentials):
                client = self.connect()
                client.auth('digest', credentials)
                path = f'{self.root}-{number}'
                client.create(path, acl=CREATOR_ACL)
                self.assertEqual(client.get_acl(path)[0], list(digest_acl(credentials)))

    def test_ids_accumulate_and_are_not_repeated(self):
        client = self.connect()
        for credentials in (b'a:1', b'b:2', b'a:1'):
            client.auth('digest', credentials)
        self.assertEqual(sorted(client.call(records.who_am_i())),
                         [('digest', 'a'), ('digest', 'b'), ('ip', '127.0.0.1')])
        client.create(self.root, acl=CREATOR_ACL)
        self.assertEqual(sorted(client.get_acl(self.root)[0]),
                         [*digest_acl(b'a:1'), *digest_acl(b'b:2')])

    def test_ids_belong_to_the_connection(self):
        client = self.connect()
        client.auth('digest', b'u:p')
        client.create(self.root, acl=CREATOR_ACL)
        again = self.connect(**client.credentials)
        self.assert_fails(Err.NO_AUTH, again.get_data, self.root)
        again.auth('digest', b'u:p')
        again.get_data(self.root)

    def test_everybody_has_the_id_of_their_address(self):
        self.assertEqual(self.connect().call(records.who_am_i()), [('ip', '127.0.0.1')])

    @differs_from_apache('its reply may overtake those of earlier requests')
    def test_reply_has_its_place_in_the_order(self):
        client = self.client_with_root()
        for _ in range(20):
            first, _, last = client.send_all([records.set_data(self.root, b'x'),
                                              records.auth('digest', b'u:p'),
                                              records.get_data(self.root)])
            self.assertEqual([client.receive_reply().xid for _ in range(3)],
                             [first, first + 1, last])

    @differs_from_apache('it is effective at once, for requests sent before it too')
    def test_it_is_effective_from_its_place_in_the_order(self):
        setter = self.connect()
        setter.create(self.root, acl=digest_acl(b'u:p'))
        for _ in range(20):
            client = self.connect()
            client.send_all([records.get_data(self.root), records.auth('digest', b'u:p'),
                             records.get_data(self.root)])
            self.assertEqual([client.receive_reply().err for _ in range(3)], [Err.NO_AUTH, 0, 0])


class Rights(ServerCase):

    def setUp(self):
        super().setUp()
        self.client = self.connect()

    def requests(self, path):
        """Every kind of access to the node at `path`, with the rights of which one suffices."""
        child = path + '/child'
        return [
            (records.create(child), CREATE), (records.create2(child), CREATE),
            (records.create_container(child), CREATE), (records.create_ttl(child, 10**9), CREATE),
            (records.delete(path + '/old'), DELETE), (records.set_data(path, b''), WRITE),
            (records.set_acl(path, OPEN_ACL), ADMIN), (records.get_acl(path), READ | ADMIN),
            (records.get_data(path), READ), (records.get_children(path), READ),
            (records.get_children2(path), READ), (records.get_all_children_number(path), READ)]

    def check_access(self, requests_of):
        for right in (READ, WRITE, CREATE, DELETE, ADMIN, Perms(0)):
            for number in range(len(requests_of('/'))):
                path = f'{self.root}-{right.value}-{number}'
                self.client.create(path)
                self.client.create(path + '/old')
                self.client.set_acl(path, (Acl(right, 'world', 'anyone'),))
                request, needed = requests_of(path)[number]
                with self.subTest(op=request.op, right=right):
                    expected = 0 if right & needed else Err.NO_AUTH
                    self.assertEqual(self.client.exchange(request).err, expected)

    def test_each_operation_needs_its_right(self):
        self.check_access(self.requests)

    @differs_from_apache('before 3.8.4 exists needed no right (CVE-2024-23944)')
    def test_exists_needs_read(self):
        self.check_access(lambda path: [(records.exists(path), READ)])

    def test_check_needs_read(self):
        for right in (READ, ALL & ~READ):
            path = f'{self.root}-{right.value}'
            self.client.create(path, acl=(Acl(right, 'world', 'anyone'),))
            result, = self.client.multi(records.check(path))
            self.assertEqual(result.err, 0 if right & READ else Err.NO_AUTH)

    def test_some_operations_need_none(self):
        self.client.create(self.root, acl=(Acl(0, 'world', 'anyone'),))
        for request in (records.sync(self.root), records.add_watch(self.root),
                        records.set_watches(2**62, data=[self.root]), records.get_ephemerals(),
                        records.remove_watches(self.root, 3), records.who_am_i()):
            with self.subTest(op=request.op):
                self.assertEqual(self.client.exchange(request).err, 0)

    def test_rights_are_not_inherited(self):
        self.client.create(self.root)
        self.client.create(self.root + '/open')
        self.client.create(self.root + '/open/leaf')
        self.client.set_acl(self.root, (Acl(0, 'world', 'anyone'),))
        self.client.set_data(self.root + '/open', b'')
        self.client.delete(self.root + '/open/leaf')

    def test_failed_access_beats_the_version(self):
        self.client.create(self.root, acl=(Acl(READ, 'world', 'anyone'),))
        self.assert_fails(Err.NO_AUTH, self.client.set_data, self.root, b'', 99)
        self.assert_fails(Err.NO_AUTH, self.client.set_acl, self.root, OPEN_ACL, 99)

    def test_several_entries_add_up(self):
        self.client.auth('digest', b'u:p')
        self.client.create(self.root, acl=(Acl(READ, 'world', 'anyone'),
                                           *digest_acl(b'u:p', WRITE)))
        self.client.set_data(self.root, b'')
        stranger = self.connect()
        stranger.get_data(self.root)
        self.assert_fails(Err.NO_AUTH, stranger.set_data, self.root, b'')

    def test_ip_entries_match_addresses_and_prefixes(self):
        for number, (address, err) in enumerate((
                ('127.0.0.1', 0), ('127.0.0.0/8', 0), ('127.0.0.1/32', 0), ('0.0.0.0/0', 0),
                ('127.0.0.2', Err.NO_AUTH), ('10.0.0.0/8', Err.NO_AUTH),
                ('127.0.0.0/31', 0), ('127.0.0.2/31', Err.NO_AUTH))):
            with self.subTest(address=address):
                path = f'{self.root}-{number}'
                self.client.create(path, acl=(Acl(ALL, 'ip', address),))
                self.assertEqual(self.client.exchange(records.get_data(path)).err, err)
                self.assertEqual(self.connect().exchange(records.get_data(path)).err, err)


class Lists(ServerCase):

    def setUp(self):
        super().setUp()
        self.client = self.connect()

    def test_lists_that_are_not_valid(self):
        self.client.create(self.root)
        bad = [None, (), (Acl(ALL, 'world', 'someone'),), (Acl(ALL, 'world', ''),),
               (Acl(ALL, 'nope', 'x'),), (Acl(ALL, None, 'x'),),
               (Acl(ALL, '', 'x'),), (Acl(ALL, 'digest', 'no-colon'),),
               (Acl(ALL, 'digest', 'a:b:c'),), (Acl(ALL, 'ip', 'nonsense'),),
               (Acl(ALL, 'ip', '1.2.3.4/33'),), (Acl(ALL, 'ip', '1.2.3'),),
               (Acl(ALL, 'ip', '1.2.3.4/-1'),), (Acl(ALL, 'super', 'x'),),
               (Acl(ALL, 'world', 'anyone'), Acl(ALL, 'nope', 'x'))]
        for acl in bad:
            with self.subTest(acl=acl):
                self.assert_fails(Err.INVALID_ACL, self.client.create, self.root + '/x', acl=acl)
                self.assert_fails(Err.INVALID_ACL, self.client.set_acl, self.root, acl)

    @differs_from_apache('a null id fails inside it with -5')
    def test_world_with_a_null_id_is_not_valid(self):
        self.assert_fails(Err.INVALID_ACL, self.client.create, self.root,
                          acl=(Acl(ALL, 'world', None),))

    def test_auth_without_an_authenticated_id_is_not_valid(self):
        for id_ in ('', None, 'x'):
            self.assert_fails(Err.INVALID_ACL, self.client.create, self.root,
                              acl=(Acl(ALL, 'auth', id_),))

    def test_auth_stands_for_the_ids_of_the_connection(self):
        self.client.auth('digest', b'u:p')
        for number, id_ in enumerate(('', None, 'ignored')):
            path = f'{self.root}-{number}'
            self.client.create(path, acl=(Acl(READ | ADMIN, 'auth', id_),))
            self.assertEqual(self.client.get_acl(path)[0], list(digest_acl(b'u:p', READ | ADMIN)))
        self.client.create(self.root)
        self.client.set_acl(self.root, CREATOR_ACL)
        self.assertEqual(self.client.get_acl(self.root)[0], list(digest_acl(b'u:p')))

    def test_duplicates_are_dropped(self):
        self.client.create(self.root, acl=OPEN_ACL * 3 + (Acl(READ, 'world', 'anyone'),))
        self.assertEqual(self.client.get_acl(self.root)[0],
                         [*OPEN_ACL, Acl(READ, 'world', 'anyone')])

    def test_order_is_kept(self):
        acl = tuple(Acl(ALL, 'ip', f'10.0.0.{number}') for number in (3, 1, 2)) + OPEN_ACL
        self.client.create(self.root, acl=acl)
        self.assertEqual(self.client.get_acl(self.root)[0], list(acl))

    def test_unknown_rights_are_stored(self):
        self.client.create(self.root, acl=(Acl(1023, 'world', 'anyone'),))
        self.assertEqual(self.client.get_acl(self.root)[0][0].perms, 1023)

    def test_digest_ids_are_masked_without_admin(self):
        self.client.create(self.root, acl=(Acl(READ, 'world', 'anyone'), *digest_acl(b'u:p'),
                                           Acl(ALL, 'ip', '10.0.0.1')))
        self.assertEqual(self.client.get_acl(self.root)[0],
                         [Acl(READ, 'world', 'anyone'), Acl(ALL, 'digest', 'u:x'),
                          Acl(ALL, 'ip', '10.0.0.1')])
        self.client.auth('digest', b'u:p')
        self.assertEqual(self.client.get_acl(self.root)[0][1:2], list(digest_acl(b'u:p')))

    @differs_from_apache('without a provider configured it refuses them')
    def test_sasl_and_x509_entries_are_accepted(self):
        acl = (Acl(ALL, 'sasl', 'somebody'), Acl(ALL, 'x509', 'CN=somebody'))
        self.client.create(self.root, acl=OPEN_ACL + acl)
        self.assertEqual(self.client.get_acl(self.root)[0], list(OPEN_ACL + acl))

    def test_lists_of_the_root_can_be_set(self):
        acl = (*OPEN_ACL, Acl(READ, 'ip', '10.0.0.1'))
        self.client.set_acl('/', acl)
        self.assertEqual(self.client.get_acl('/')[0], list(acl))


class Super(ServerCase):
    config = {'DigestAuthenticationProvider.superDigest': 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs='}

    def setUp(self):
        super().setUp()
        self.super = self.connect()
        self.super.auth('digest', b'super:admin')

    def test_super_passes_every_list(self):
        owner = self.connect()
        owner.auth('digest', b'u:p')
        owner.create(self.root, acl=(Acl(0, 'auth', ''),))
        self.super.set_data(self.root, b'x')
        self.super.get_data(self.root)
        self.super.get_children(self.root)
        self.super.create(self.root + '/child')
        self.super.delete(self.root + '/child')
        self.super.multi(records.check(self.root), records.set_data(self.root, b'y'))
        self.super.set_acl(self.root, OPEN_ACL)

    def test_wrong_super_password_is_a_plain_digest_id(self):
        client = self.connect()
        client.auth('digest', b'super:wrong')
        client.create(self.root, acl=digest_acl(b'u:p'))
        self.assert_fails(Err.NO_AUTH, client.get_data, self.root)

    def test_super_sees_unmasked_ids(self):
        self.super.create(self.root, acl=digest_acl(b'u:p'))
        self.assertEqual(self.super.get_acl(self.root)[0], list(digest_acl(b'u:p')))

    def test_auth_entry_of_super_is_its_digest_id(self):
        self.super.create(self.root, acl=CREATOR_ACL)
        self.assertEqual(self.super.get_acl(self.root)[0], list(digest_acl(b'super:admin')))

    def test_who_am_i_shows_super(self):
        self.assertIn(('super', ''), self.super.call(records.who_am_i()))

    @differs_from_apache('it overwrites the text without changing the ensemble')
    def test_super_cannot_overwrite_the_configuration(self):
        self.assert_fails(Err.NO_AUTH, self.super.set_data, '/zookeeper/config', b'x')


class SkipAcl(ServerCase):
    config = {'skipACL': 'yes'}

    def test_every_access_passes(self):
        client = self.connect()
        client.create(self.root, acl=(Acl(0, 'world', 'anyone'),))
        client.set_data(self.root, b'')
        client.get_data(self.root)
        client.create(self.root + '/x')
        client.set_acl(self.root, OPEN_ACL)


class DisabledFeatures(ServerCase):

    def test_reconfig_is_disabled(self):
        client = self.connect()
        for request in (records.reconfig(), records.reconfig(members='server.1=a:1:2;3')):
            self.assert_fails(Err.RECONFIG_DISABLED, client.call, request)

    def test_sasl_without_configuration_gets_a_null_token(self):
        client = self.connect()
        reply = client.exchange(records.sasl(b'token'))
        self.assertEqual(reply.err, 0)
        self.assertIsNone(records.decode_body(102, reply.body))


class EnforcedAuth(ServerCase):
    config = {'enforce.auth.enabled': 'true', 'enforce.auth.schemes': 'digest'}

    def test_request_without_authentication_is_answered_and_closed(self):
        client = self.connect()
        reply = client.exchange(records.exists('/'))
        self.assertEqual((reply.err, reply.body), (Err.AUTH_REQUIRED, b''))
        self.assert_closed_silently(client)

    def test_authenticated_connection_is_served(self):
        client = self.connect()
        client.auth('digest', b'u:p')
        client.create(self.root)

    @differs_from_apache('it refuses these two as well')
    def test_ping_and_close_session_pass(self):
        client = self.connect()
        client.ping()
        client.close_session()
