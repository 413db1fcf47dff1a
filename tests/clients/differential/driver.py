"""Carries out the steps of one seed on two servers and compares what comes back.

`reference` is Apache ZooKeeper, `subject` what is tested. Each slot is one connection with one
session on each server. Everything is sequential: a request goes to both, then both answers are
awaited, so events stand at the same place in both streams.
"""

import collections
import itertools

from harness import records
from harness.codes import Err, Xid
from harness.records import OPEN_ACL
from harness.wire import Closed, Reply, WireClient

from . import intended
from .describe import describe, show_frames, show_reply
from .generator import SLOTS, SUPER_CREDENTIALS, Generator
from .steps import (CloseSession, CompareTrees, Exchange, Reattach, Restart, WrongPassword,
                    resolve)
from .view import CLOSED, Inconsistent, View

SESSION_TIMEOUT_MS = 40000
SYSTEM_NODES = {'/', '/zookeeper', '/zookeeper/config', '/zookeeper/quota'}
# After these the server closes the connection, both servers or none.
CLOSING_ERRORS = (Err.UNIMPLEMENTED, Err.AUTH_FAILED, Err.AUTH_REQUIRED)
CONFIG = {
    'tickTime': 2000,
    'maxClientCnxns': 0,
    'extendedTypesEnabled': 'true',
    '4lw.commands.whitelist': '*',
    'znode.container.checkIntervalMs': 10**9,
    'DigestAuthenticationProvider.superDigest': 'super:xQJmxLMiHGwaqBvst5y6rkB6HQs=',
}


class Difference(Exception):
    """The servers disagree. The text says where, and shows both answers."""


class Side:
    """One server, its connections and its names."""

    def __init__(self, server):
        self.server = server
        self.view = View()
        self.clients = [None] * SLOTS
        self._sessions_made = itertools.count()

    def connect(self, slot):
        client = WireClient(self.server, timeout_ms=SESSION_TIMEOUT_MS)
        self.view.name_session(client.session_id, f'session {next(self._sessions_made)}')
        self.clients[slot] = client
        return client.answer._replace(session_id='-', password='-')

    def reattach(self, slot, password=None):
        """A new connection for the slot's session; what the server said, ids left out."""
        old = self.clients[slot]
        client = WireClient(self.server, timeout_ms=SESSION_TIMEOUT_MS,
                            session_id=old.session_id, password=password or old.answer.password)
        old.close()
        self.clients[slot] = client
        return client.answer._replace(session_id='-', password='-')

    def attach_with(self, slot, password):
        """What a stranger gets for this password; the slot's session is not touched."""
        with WireClient(self.server, session_id=self.clients[slot].session_id,
                        password=password) as stranger:
            answer = stranger.answer
            return answer, stranger.receive_until_closed()

    def old_connection_is_closed(self, slot, client):
        try:
            client.receive_until_closed()
            return True
        except TimeoutError:
            return False

    def send(self, slot, requests):
        try:
            client = self.clients[slot]
            resolved = [resolve(request, self.view) for request in requests]
            return resolved, client.send_all(resolved)
        except OSError:
            return resolved, None

    def receive(self, slot, request, label):
        """The frames up to the next reply, as comparable items: the events, and the reply."""
        events = []
        while True:
            try:
                frame = self.clients[slot].receive()
            except Closed:
                return events, CLOSED
            except TimeoutError:
                return events, ('no answer',)
            item = self.view.item(request, frame, label)
            if isinstance(frame, Reply):
                return events, item
            events.append(item)

    def close(self):
        for client in self.clients:
            if client:
                client.close()


class Run:
    """One seed on one pair of servers. `used` counts the tolerances that were needed."""

    def __init__(self, seed, reference, subject, used=None):
        self.seed = seed
        self.used = collections.Counter() if used is None else used
        self.sides = [Side(reference), Side(subject)]
        self._generator = Generator(seed)
        self._context = intended.Context(self._generator.locked, self._generator.watched)
        self._step_number = 0
        self._step = None
        self._history = collections.deque(maxlen=12)

    def execute(self, steps):
        """Raises Difference at the first disagreement. Leaves the servers' trees empty."""
        try:
            for slot in range(SLOTS):
                self._expect_equal('connect', *(side.connect(slot) for side in self.sides))
            for side in self.sides:
                side.view.begin(side.clients[0].exchange(records.ping()).zxid)
            for self._step_number in range(1, steps + 1):
                self._step = self._generator.next_step(self.sides[0].view.latest_label)
                self._carry_out(self._step)
            self._step = CompareTrees()
            self._carry_out(self._step)
            for slot in range(SLOTS):
                self._close_session(slot)
            self._clean_up()
        except (Inconsistent, Closed, TimeoutError, ConnectionError, AssertionError) as error:
            raise Difference(self._report(f'{type(error).__name__}: {error}')) from error
        finally:
            for side in self.sides:
                side.close()

    def _carry_out(self, step):
        if isinstance(step, Exchange):
            self._exchange(step.slot, step.requests)
        elif isinstance(step, Reattach):
            self._reattach(step)
        elif isinstance(step, WrongPassword):
            self._fail_to_attach(step)
        elif isinstance(step, CloseSession):
            self._close_session(step.slot)
            self._expect_equal('connect', *(side.connect(step.slot) for side in self.sides))
        elif isinstance(step, Restart):
            self._restart(step)
        elif isinstance(step, CompareTrees):
            self._compare_trees()

    def _exchange(self, slot, requests):
        sent = [side.send(slot, requests) for side in self.sides]
        must_be_closed = False
        for index, request in enumerate(requests):
            answers = [side.receive(slot, resolved[index], f'w{self._step_number}.{index}')
                       for side, (resolved, _) in zip(self.sides, sent)]
            self._compare(slot, sent[0][0][index], answers)
            reply = answers[0][1]
            must_be_closed |= reply == CLOSED or reply[0] == 'reply' and reply[3] in CLOSING_ERRORS
        if must_be_closed:
            closed = [side.old_connection_is_closed(slot, side.clients[slot])
                      for side in self.sides]
            self._expect_equal('closed after the answer', *closed)
            self._expect_equal('reattach', *(side.reattach(slot) for side in self.sides))

    def _compare(self, slot, request, answers):
        (their_events, theirs), (our_events, ours) = answers
        self._history.append((self._step_number, slot, request, theirs))
        reconciled = intended.reconcile(slot, request, theirs, ours, self._context, self.used)
        if their_events != our_events or reconciled[0] != reconciled[1]:
            raise Difference(self._report(
                f'{describe(request)}\nreference:\n{show_frames(their_events, theirs)}\n'
                f'subject:\n{show_frames(our_events, ours)}'))

    def _reattach(self, step):
        old = [side.clients[step.slot] for side in self.sides]
        if step.drops_first:
            for client in old:
                client.socket.shutdown(2)
        answers = []
        for side, client in zip(self.sides, old):
            credentials = client.credentials
            new = WireClient(side.server, timeout_ms=SESSION_TIMEOUT_MS, **credentials)
            answers.append(new.answer._replace(session_id='-', password='-'))
            side.clients[step.slot] = new
        self._expect_equal('reattach', *answers)
        closed = [side.old_connection_is_closed(step.slot, client)
                  for side, client in zip(self.sides, old)]
        if closed == [False, True]:
            self.used[intended.OLD_CONNECTION.name] += 1
        else:
            self._expect_equal('the old connection is closed', *closed)
        for client in old:
            client.close()

    def _fail_to_attach(self, step):
        for side in self.sides:
            side.clients[step.slot].socket.shutdown(2)
            side.old_connection_is_closed(step.slot, side.clients[step.slot])
        self._expect_equal('wrong password',
                           *(side.attach_with(step.slot, step.password) for side in self.sides))
        self._expect_equal('reattach', *(side.reattach(step.slot) for side in self.sides))

    def _restart(self, step):
        for side in self.sides:
            side.server.restart(step.graceful)
        for slot in range(SLOTS):
            self._expect_equal('reattach', *(side.reattach(slot) for side in self.sides))
        self._compare_trees()

    def _close_session(self, slot):
        """Ephemerals go in no defined order, so their events are compared as sets, at once."""
        request = records.close_session()
        for side in self.sides:
            side.send(slot, [request])
        label = f'w{self._step_number}.close'
        streams = [side.receive(slot, request, label) for side in self.sides]
        self._compare(slot, request, [(sorted(events), reply) for events, reply in streams])
        for side in self.sides:
            side.old_connection_is_closed(slot, side.clients[slot])
            side.clients[slot].close()
        for other in range(SLOTS):
            if other == slot or self.sides[0].clients[other].socket.fileno() < 0:
                continue
            self._barrier(other)

    def _barrier(self, slot):
        ping = records.ping()
        answers = []
        for side in self.sides:
            side.clients[slot].send(ping, Xid.PING)
            events, reply = side.receive(slot, ping, '')
            answers.append((sorted(events), reply))
        self._compare(slot, ping, answers)

    def _super_clients(self):
        for side in self.sides:
            client = WireClient(side.server, timeout_ms=SESSION_TIMEOUT_MS)
            client.auth('digest', SUPER_CREDENTIALS)
            yield side, client

    def _compare_trees(self):
        trees = []
        for side, client in self._super_clients():
            trees.append(dict(read_tree(client, side.view)))
            client.close_session()
            client.close()
        theirs, ours = trees
        for path in sorted(theirs.keys() | ours.keys()):
            if theirs.get(path) != ours.get(path):
                raise Difference(self._report(
                    f'the trees differ at {path!r}\nreference:\n    {theirs.get(path)}\n'
                    f'subject:\n    {ours.get(path)}'))

    def _clean_up(self):
        for _, client in self._super_clients():
            for path in sorted(walk(client), reverse=True):
                if path not in SYSTEM_NODES:
                    client.delete(path)
            client.set_acl('/', OPEN_ACL)
            client.close_session()
            client.close()

    def _expect_equal(self, what, theirs, ours):
        if theirs != ours:
            raise Difference(self._report(f'{what}\nreference:\n    {theirs}\n'
                                          f'subject:\n    {ours}'))

    def _report(self, what):
        lines = [f'seed {self.seed}, step {self._step_number}: {self._step.__class__.__name__}']
        lines += [f'    before: step {number}, connection {slot}: {describe(request)} -> '
                  f'{show_reply(reply)}'
                  for number, slot, request, reply in list(self._history)[:-1]]
        return '\n'.join([*lines, what])


def walk(client, path='/'):
    """The paths of all nodes, parents first."""
    yield path
    for name in sorted(client.get_children(path)):
        yield from walk(client, f'{path.rstrip("/")}/{name}')


def read_tree(client, view):
    """(path, everything a client can see of the node), for every node."""
    for path in walk(client):
        data, stat = client.get_data(path)
        acl = sorted(client.get_acl(path)[0], key=repr)
        if path in SYSTEM_NODES:
            # Made at start, in each server's own way; only their children concern clients.
            yield path, (acl, stat.num_children)
        else:
            yield path, (data, view.stat(stat), acl)
