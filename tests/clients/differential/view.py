"""What one server answered, in terms that can be compared with another server's answers.

zxids, times and session ids differ between servers and mean the same: each is replaced by the name
of what it belongs to. Successful writes are named (`w12`); a zxid is the name of its write, and the
zxid of a reply that is no write's is the name of the latest write up to it.
"""

import bisect

from harness import records
from harness.codes import Op
from harness.jute import Malformed
from harness.records import MultiResult, Stat
from harness.wire import Event, Reply

WRITES = {Op.CREATE, Op.CREATE2, Op.CREATE_CONTAINER, Op.CREATE_TTL, Op.DELETE, Op.SET_DATA,
          Op.SET_ACL, Op.MULTI, Op.CLOSE_SESSION}
START = 'start'    # zxid 0: the tree as it is born
BEFORE = 'before'  # what earlier runs did on the same servers
CLOSED = ('closed',)


class Inconsistent(Exception):
    """One server contradicts itself: two times for one transaction, an id that it never gave."""


class View:
    """The names that belong to one server."""

    def __init__(self):
        self._zxids = [0]
        self._labels = [START]
        self._sessions = {0: None}
        self._times = {}

    def begin(self, zxid):
        """Everything up to this zxid happened before the run."""
        self.name_write(zxid, BEFORE)

    @property
    def latest_label(self):
        return self._labels[-1]

    def zxid_of(self, label):
        return self._zxids[self._labels.index(label)]

    def name_session(self, session_id, name):
        self._sessions[session_id] = name

    def name_write(self, zxid, label):
        """Names a successful write. A zxid that is not above all others is left as it is."""
        if zxid > self._zxids[-1]:
            self._zxids.append(zxid)
            self._labels.append(label)

    def _exact(self, zxid):
        if BEFORE in self._labels[1:2] and 0 < zxid <= self._zxids[1]:
            return BEFORE
        index = bisect.bisect_right(self._zxids, zxid) - 1
        return self._labels[index] if index >= 0 and self._zxids[index] == zxid else f'?{zxid:#x}'

    def _latest_up_to(self, zxid):
        return str(zxid) if zxid <= 0 else self._labels[bisect.bisect_right(self._zxids, zxid) - 1]

    def _time(self, time_ms, zxid):
        """A transaction has one time, so the time says no more than the zxid beside it."""
        if self._times.setdefault(zxid, time_ms) != time_ms:
            raise Inconsistent(f'zxid {zxid:#x} has times {self._times[zxid]} and {time_ms}')

    def stat(self, stat):
        if stat.czxid:
            self._time(stat.ctime, stat.czxid)
            self._time(stat.mtime, stat.mzxid)
        if stat.ephemeral_owner not in self._sessions:
            raise Inconsistent(f'nobody has the session {stat.ephemeral_owner:#x}')
        return stat._replace(
            czxid=self._exact(stat.czxid), mzxid=self._exact(stat.mzxid),
            pzxid=self._exact(stat.pzxid), ctime='-', mtime='-',
            ephemeral_owner=self._sessions[stat.ephemeral_owner])

    def _value(self, op, value):
        """The decoded body of a reply, with everything renamed and unordered lists sorted."""
        if op in (Op.GET_CHILDREN, Op.GET_EPHEMERALS, Op.WHO_AM_I):
            return value and sorted(value)
        if op in (Op.GET_CHILDREN2, Op.GET_ACL):
            return sorted(value[0], key=repr), self.stat(value[1])
        if op in (Op.MULTI, Op.MULTI_READ):
            return [MultiResult(result.type, result.err,
                                None if result.err else self._value(result.type, result.value))
                    for result in value]
        if isinstance(value, Stat):
            return self.stat(value)
        if isinstance(value, tuple) and isinstance(value[-1], Stat):
            return (*value[:-1], self.stat(value[-1]))
        return value

    def item(self, request, frame, label):
        """One frame received: an event, or the reply to `request`, which may become `label`."""
        if isinstance(frame, Event):
            return ('event', frame.type, frame.path, frame.state)
        if not isinstance(frame, Reply):
            return frame
        if frame.err:
            body = frame.body
        else:
            try:
                body = records.decode_body(request.op, frame.body)
            except (Malformed, KeyError):
                return ('reply', frame.xid, None, 0, frame.body)
            succeeded = request.op != Op.MULTI or all(result.err == 0 for result in body)
            if request.op in WRITES and succeeded:
                self.name_write(frame.zxid, label)
            body = self._value(request.op, body)
        return ('reply', frame.xid, self._latest_up_to(frame.zxid), frame.err, body)
