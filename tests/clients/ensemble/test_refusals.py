"""Members that must not be believed: refused with a sentence that says what to do, in their own
srvr and log and in those of the others, who go on serving."""

import ctypes
import shutil
import socket
import struct
import unittest

from harness.ensemble import Ensemble
from harness.server import LOOPBACK, START_DEADLINE

from .writer import WINDOW, Writer


HELLO, REFUSE = 1, 4  # types of messages
OTHER_VERSION = 2     # a reason for a refusal
DIALER_AT = 25        # behind the frame's head, the type, the magic and the version


class PeerOfTomorrow:
    """The end of a connection between members that speaks version 2 of their protocol.

    What never changes is the frame (length, XXH3 of the payload, payload) and how a hello begins.
    """

    def __init__(self, connection, number, target):
        self.socket = connection
        self.socket.settimeout(START_DEADLINE)
        hello = b'topodpl\n' + struct.pack('>iii', 2, number, target) + b'what comes with it'
        payload = bytes([HELLO]) + hello
        xxhash = ctypes.CDLL('libxxhash.so.0')
        xxhash.XXH3_64bits.restype = ctypes.c_uint64
        xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self.socket.sendall(struct.pack('>iQ', len(payload),
                                        xxhash.XXH3_64bits(payload, len(payload))) + payload)

    def receive(self):
        """All messages until the other end closes the connection."""
        data = b''.join(iter(lambda: self.socket.recv(4096), b''))
        messages = []
        while data:
            end = 12 + struct.unpack_from('>i', data)[0]
            messages.append(data[12:end])
            data = data[end:]
        return messages

    def close(self):
        self.socket.close()


class RefusalTest(unittest.TestCase):
    """Members 1 and 2 are a healthy quorum; what is wrong is wrong with member 3."""

    def setUp(self):
        # All three have been one ensemble, for it takes all of them to found it.
        self.ensemble = Ensemble(3)
        self.addCleanup(self.ensemble.close)
        self.ensemble.start()
        for member in self.ensemble.members:
            member.stop()

    def start_two(self, config=None):
        """Members 1 and 2 serve, and a client of each writes."""
        for member in self.ensemble.members[:2]:
            member.config |= config or {}
            member.launch()
        self.ensemble.await_all_serve()
        self.writers = [Writer(member, f'/w{member.number}')
                        for member in self.ensemble.members[:2]]
        for writer in self.writers:
            self.addCleanup(writer.close)
            writer.start()

    def await_complaint(self, member, *parts):
        """Until srvr tells a reason with all these parts."""
        def complains():
            self.assertTrue(member.is_alive(), member.log_text()[-2000:])
            reasons = [text for name, text in member.status().items()
                       if name.startswith(('Peer ', 'Last refused'))]
            return any(all(part in text for part in parts) for text in reasons)
        self.ensemble.await_that(complains, f'srvr of {member.number} says {parts}')
        self.assertIn(parts[0], member.log_text())

    def check_others_undisturbed(self):
        for writer in self.writers:
            self.ensemble.await_that(
                lambda w=writer, n=writer.answered + 4 * WINDOW: w.failure or w.answered >= n,
                'writes are answered')
            writer.finish()
        self.assertIsNone(self.ensemble[3].mode())

    def write_secret(self, member, secret):
        path = member.folder / 'secret'
        path.write_text(secret)
        path.chmod(0o600)
        return {'peerSecretFile': path}

    def test_a_wrong_secret(self):
        one, _, three = self.ensemble.members
        self.start_two(self.write_secret(one, 'the secret of them all'))
        three.config |= self.write_secret(three, 'another secret')
        three.launch()
        self.await_complaint(three, 'do not have the same secret', 'peerSecretFile')
        self.await_complaint(one, 'do not have the same secret', 'server 3')
        self.check_others_undisturbed()
        three.stop()
        self.write_secret(three, 'the secret of them all')
        three.start()
        self.assertEqual(three.mode(), 'follower')

    def test_a_myid_that_another_member_has(self):
        two, three = self.ensemble[2], self.ensemble[3]
        self.start_two()
        # A new machine, at the address of server 3, that says it is 2.
        shutil.rmtree(three.data_dir)
        three.data_dir.mkdir()
        three.config['server.2'], three.config['server.3'] = (three.config['server.3'],
                                                             three.config['server.2'])
        three.set_number(2)
        three.launch()
        self.await_complaint(three, 'myid')
        self.check_others_undisturbed()
        self.assertIsNotNone(two.mode())

    def test_another_list_of_members(self):
        one, _, three = self.ensemble.members
        self.start_two()
        del three.config['server.2']
        three.launch()
        for member in (three, one):
            self.await_complaint(member, 'make their server, weight and group lines equal',
                                 'server 1', 'server 3')
        self.check_others_undisturbed()

    def test_a_data_directory_copied_from_another_member(self):
        one, _, three = self.ensemble.members
        shutil.rmtree(three.data_dir)
        shutil.copytree(one.data_dir, three.data_dir)
        three.set_number(3)
        self.start_two()
        three.launch()
        # It belongs to server 1, as the directory itself says.
        self.assertNotEqual(three.process.wait(30), 0)
        self.assertRegex(three.log_text(), 'server 1')
        three.process = None
        self.check_others_undisturbed()

    def test_a_member_of_another_ensemble(self):
        one, _, three = self.ensemble.members
        with Ensemble(3) as other:
            stolen = other[3].data_dir
            other[3].stop()
            shutil.rmtree(three.data_dir)
            shutil.copytree(stolen, three.data_dir)
        self.start_two()
        three.launch()
        self.await_complaint(three, 'ensemble')
        self.await_complaint(one, 'ensemble')
        self.check_others_undisturbed()

    def peer_address(self, member):
        host, port = member.config[f'server.{member.number}'].split(':')[:2]
        return host, int(port)

    def check_version_is_refused(self, peer):
        self.addCleanup(peer.close)
        hello, refusal = peer.receive()
        self.assertEqual(hello[:21], bytes([HELLO]) + b'topodpl\n' + struct.pack('>iii', 1, 1, 3))
        self.assertEqual(refusal, bytes([REFUSE, OTHER_VERSION]))
        self.await_complaint(
            self.ensemble[1], 'server 1 speaks version 1 of the peer protocol, server 3 version 2: '
            'upgrade the older one')

    def test_another_version_of_the_protocol_that_dials(self):
        self.start_two()
        connection = socket.create_connection(self.peer_address(self.ensemble[1]))
        self.check_version_is_refused(PeerOfTomorrow(connection, 3, 1))
        self.check_others_undisturbed()

    def test_another_version_of_the_protocol_that_is_dialed(self):
        self.start_two()
        with socket.create_server(self.peer_address(self.ensemble[3])) as listening:
            listening.settimeout(START_DEADLINE)
            dialer = 0
            while dialer != 1:  # both others dial
                connection, _ = listening.accept()
                self.addCleanup(connection.close)
                connection.settimeout(START_DEADLINE)
                head = connection.recv(DIALER_AT + 4, socket.MSG_PEEK | socket.MSG_WAITALL)
                dialer, = struct.unpack_from('>i', head, DIALER_AT)
            self.check_version_is_refused(PeerOfTomorrow(connection, 3, 1))
        self.check_others_undisturbed()

    def test_alone_on_the_data_of_a_member(self):
        one = self.ensemble[1]
        one.config = {key: value for key, value in one.config.items()
                      if not key.startswith('server.')}
        one.launch()
        self.assertEqual(one.process.wait(30), 1)
        self.assertIn('the data of a member of an ensemble', one.log_text())
        one.process = None

    def test_peers_on_other_machines_without_a_secret(self):
        one = self.ensemble[1]
        one.config['server.3'] = one.config['server.3'].replace(LOOPBACK, '192.0.2.1', 1)
        one.launch()
        self.assertEqual(one.process.wait(30), 2)
        self.assertIn('peerSecretFile', one.log_text())
        one.process = None


if __name__ == '__main__':
    unittest.main()
