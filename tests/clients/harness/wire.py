"""A client of the bare protocol: it sends what it is told and shows every frame that comes back.

`WireClient` is one connection. `send` queues nothing and waits for nothing, so requests pipeline;
`receive` returns the next frame, a Reply or an Event, in the order of the wire. `call` sends one
request and waits for its reply, keeping events that come before it in `events`. Nothing waits
longer than DEADLINE seconds: then TimeoutError. Not thread-safe.
"""

import os
import socket
import struct
import time
from typing import NamedTuple

from . import records
from .codes import Err, EventType, Op, Xid, name_of
from .jute import Reader, Writer

DEADLINE = float(os.environ.get('WIRE_DEADLINE', '15'))
NO_PASSWORD = bytes(16)
NEW_SESSION = 0


class Closed(Exception):
    """The server closed the connection."""


class RequestFailed(Exception):
    """A reply with an error code."""

    def __init__(self, request, err):
        super().__init__(f'{name_of(Op, request.op)} failed: {name_of(Err, err)} ({err})')
        self.err = err


class Reply(NamedTuple):
    xid: int
    zxid: int
    err: int
    body: bytes


class Event(NamedTuple):
    type: int
    path: str
    state: int
    zxid: int

    def __str__(self):
        return f'{name_of(EventType, self.type)} {self.path}'


class ConnectAnswer(NamedTuple):
    protocol_version: int
    timeout_ms: int
    session_id: int
    password: bytes
    read_only: bool  # None when the server left the flag out
    size: int


def connect_request(timeout_ms=10000, session_id=NEW_SESSION, password=NO_PASSWORD, last_zxid=0,
                    read_only=False, protocol_version=0):
    """The payload of a connect request; `read_only=None` leaves the flag out, as old clients do."""
    writer = Writer().int(protocol_version).long(last_zxid).int(timeout_ms).long(session_id)
    writer.buffer(password)
    return writer.bytes() if read_only is None else writer.bool(read_only).bytes()


def parse_connect_answer(payload):
    reader = Reader(payload)
    fields = reader.int(), reader.int(), reader.long(), reader.buffer()
    flag = reader.bool() if reader.remaining() else None
    return ConnectAnswer(*fields, flag, len(payload))


def parse_frame(payload):
    reader = Reader(payload)
    xid, zxid, err = reader.int(), reader.long(), reader.int()
    if xid != Xid.NOTIFICATION:
        return Reply(xid, zxid, err, reader.rest())
    kind, state, path = reader.int(), reader.int(), reader.string()
    return Event(kind, path, state, zxid)


class RawConnection:
    """A socket that speaks frames, and bytes that are none."""

    def __init__(self, server, receive_buffer_bytes=None):
        # A server in a network of its own knows how it is reached.
        self.socket = getattr(server, 'new_socket', socket.socket)()
        if receive_buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(DEADLINE)
        self.socket.connect((server.host, server.port))
        self._unread = bytearray()

    def send_raw(self, data):
        self.socket.sendall(data)

    def send_frame(self, payload):
        self.send_raw(struct.pack('>i', len(payload)) + payload)

    def _receive_more(self, give_up):
        """Adds at least one byte to what is unread; Closed or TimeoutError if none comes."""
        left = give_up - time.monotonic()
        if left <= 0:
            raise TimeoutError(f'waited in vain with {len(self._unread)} bytes unread')
        self.socket.settimeout(left)
        try:
            piece = self.socket.recv(1 << 18)
        except ConnectionError as error:
            raise Closed(str(error)) from error
        if not piece:
            raise Closed(f'closed with {len(self._unread)} bytes unread')
        self._unread += piece

    def receive_exactly(self, size, deadline_s=DEADLINE):
        give_up = time.monotonic() + deadline_s
        while len(self._unread) < size:
            self._receive_more(give_up)
        data = bytes(self._unread[:size])
        del self._unread[:size]
        return data

    def receive_frame(self, deadline_s=DEADLINE):
        size = struct.unpack('>i', self.receive_exactly(4, deadline_s))[0]
        return self.receive_exactly(size, deadline_s)

    def receive_until_closed(self, deadline_s=DEADLINE):
        """Everything the server still sends before it closes."""
        give_up = time.monotonic() + deadline_s
        try:
            while True:
                self._receive_more(give_up)
        except Closed:
            data, self._unread = bytes(self._unread), bytearray()
            return data

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class WireClient(RawConnection):
    """A connection with a session. `answer` is what the server said to the connect request."""

    def __init__(self, server, receive_buffer_bytes=None, **connect_arguments):
        super().__init__(server, receive_buffer_bytes)
        self.events = []
        self.last_zxid = 0
        self._next_xid = 1
        try:
            self.send_frame(connect_request(**connect_arguments))
            self.answer = parse_connect_answer(self.receive_frame())
        except BaseException:
            self.close()
            raise

    @property
    def session_id(self):
        return self.answer.session_id

    @property
    def credentials(self):
        """Arguments that attach another connection to this session."""
        return {'session_id': self.answer.session_id, 'password': self.answer.password}

    def send(self, request, xid=None):
        """Sends a request and returns its xid, by default the next of a series."""
        if xid is None:
            xid = self._next_xid
            self._next_xid += 1
        self.send_frame(struct.pack('>ii', xid, request.op) + request.body)
        return xid

    def send_all(self, requests):
        """Sends several requests in one write; returns their xids."""
        xids = list(range(self._next_xid, self._next_xid + len(requests)))
        self._next_xid += len(requests)
        payloads = [struct.pack('>ii', xid, request.op) + request.body
                    for xid, request in zip(xids, requests)]
        self.send_raw(b''.join(struct.pack('>i', len(p)) + p for p in payloads))
        return xids

    def receive(self, deadline_s=DEADLINE):
        """The next frame of the wire, as a Reply or an Event."""
        frame = parse_frame(self.receive_frame(deadline_s))
        if isinstance(frame, Reply):
            self.last_zxid = max(self.last_zxid, frame.zxid)
        return frame

    def receive_reply(self, xid=None, deadline_s=DEADLINE):
        """The next reply, which must carry `xid` if given; events before it go to `events`."""
        while True:
            frame = self.receive(deadline_s)
            if isinstance(frame, Event):
                self.events.append(frame)
                continue
            if xid is not None and frame.xid != xid:
                raise AssertionError(f'the reply to {frame.xid} came where {xid} was due')
            return frame

    def exchange(self, request, xid=None):
        """One request and its reply."""
        expected = self.send(request, xid)
        return self.receive_reply(Xid.PING if request.op == Op.PING else expected)

    def call(self, request, xid=None):
        """One request; the decoded body of its reply, or RequestFailed."""
        reply = self.exchange(request, xid)
        if reply.err:
            if reply.body:
                raise AssertionError(f'a reply with error {reply.err} has a body: {reply.body!r}')
            raise RequestFailed(request, reply.err)
        return records.decode_body(request.op, reply.body)

    def take_events(self):
        """All events up to now: whatever was applied before this call has been delivered."""
        self.exchange(records.ping())
        events, self.events = self.events, []
        return events

    def take_event_pairs(self):
        """As take_events, but only (type, path) of each."""
        return [(event.type, event.path) for event in self.take_events()]

    # One method per operation, with the arguments of its function in `records`.

    def create(self, path, *arguments, **named):
        return self.call(records.create(path, *arguments, **named))

    def create2(self, path, *arguments, **named):
        return self.call(records.create2(path, *arguments, **named))

    def create_container(self, path, *arguments, **named):
        return self.call(records.create_container(path, *arguments, **named))

    def create_ttl(self, path, ttl_ms, *arguments, **named):
        return self.call(records.create_ttl(path, ttl_ms, *arguments, **named))

    def delete(self, path, version=-1):
        return self.call(records.delete(path, version))

    def set_data(self, path, data, version=-1):
        return self.call(records.set_data(path, data, version))

    def set_acl(self, path, acl, version=-1):
        return self.call(records.set_acl(path, acl, version))

    def exists(self, path, watch=False):
        return self.call(records.exists(path, watch))

    def get_data(self, path, watch=False):
        return self.call(records.get_data(path, watch))

    def stat(self, path):
        return self.call(records.exists(path))

    def get_children(self, path, watch=False):
        return self.call(records.get_children(path, watch))

    def get_children2(self, path, watch=False):
        return self.call(records.get_children2(path, watch))

    def get_acl(self, path):
        return self.call(records.get_acl(path))

    def sync(self, path='/'):
        return self.call(records.sync(path))

    def multi(self, *requests):
        return self.call(records.multi(requests))

    def multi_read(self, *requests):
        return self.call(records.multi_read(requests))

    def auth(self, scheme, data):
        return self.call(records.auth(scheme, data), Xid.AUTH)

    def add_watch(self, path, mode):
        return self.call(records.add_watch(path, mode))

    def check_watches(self, path, kind):
        return self.call(records.check_watches(path, kind))

    def remove_watches(self, path, kind):
        return self.call(records.remove_watches(path, kind))

    def ping(self):
        return self.call(records.ping())

    def close_session(self):
        return self.call(records.close_session())


def four_letter(server, word, tail=b''):
    """The whole answer to a four-letter word, as text."""
    with RawConnection(server) as connection:
        connection.send_raw(word.encode() + tail)
        return connection.receive_until_closed().decode()


def server_zxid(server):
    """The last applied zxid, by the word srvr."""
    for line in four_letter(server, 'srvr').splitlines():
        if line.startswith('Zxid: '):
            return int(line.split()[1], 16)
    raise AssertionError('srvr shows no Zxid')
