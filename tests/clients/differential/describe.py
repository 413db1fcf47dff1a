"""Requests and answers as text for a person who looks for the cause of a difference."""

from harness.codes import Err, EventType, Op, name_of
from harness.jute import Malformed, Reader
from harness.records import MULTI_END, Acl, MultiResult, Stat

MAX_SHOWN_BYTES = 24


def _acls(reader):
    return reader.vector(lambda r: Acl(r.int(), r.string(), r.string()))


def _multi(reader):
    inner = []
    while True:
        header = reader.int(), reader.bool(), reader.int()
        if header == MULTI_END:
            return inner
        inner.append((header[0], _fields(header[0], reader)))


_PATH = (('path', Reader.string),)
_READ = (*_PATH, ('watch', Reader.bool))
_CREATE = (*_PATH, ('data', Reader.buffer), ('acl', _acls), ('flags', Reader.int))
_KIND = (*_PATH, ('kind', Reader.int))
_LISTS = (('zxid', Reader.long), ('data', Reader.strings), ('exist', Reader.strings),
          ('child', Reader.strings))
_FIELDS = {
    Op.CREATE: _CREATE, Op.CREATE2: _CREATE, Op.CREATE_CONTAINER: _CREATE,
    Op.CREATE_TTL: (*_CREATE, ('ttl_ms', Reader.long)),
    Op.DELETE: (*_PATH, ('version', Reader.int)), Op.CHECK: (*_PATH, ('version', Reader.int)),
    Op.SET_DATA: (*_PATH, ('data', Reader.buffer), ('version', Reader.int)),
    Op.SET_ACL: (*_PATH, ('acl', _acls), ('version', Reader.int)),
    Op.EXISTS: _READ, Op.GET_DATA: _READ, Op.GET_CHILDREN: _READ, Op.GET_CHILDREN2: _READ,
    Op.GET_ACL: _PATH, Op.SYNC: _PATH, Op.GET_ALL_CHILDREN_NUMBER: _PATH,
    Op.GET_EPHEMERALS: _PATH, Op.ADD_WATCH: _KIND, Op.CHECK_WATCHES: _KIND,
    Op.REMOVE_WATCHES: _KIND, Op.SET_WATCHES: _LISTS,
    Op.SET_WATCHES2: (*_LISTS, ('persistent', Reader.strings), ('recursive', Reader.strings)),
    Op.AUTH: (('type', Reader.int), ('scheme', Reader.string), ('auth', Reader.buffer)),
    Op.MULTI: (('operations', _multi),), Op.MULTI_READ: (('operations', _multi),),
}


def _short(value):
    if isinstance(value, bytes) and len(value) > MAX_SHOWN_BYTES:
        return f'{value[:MAX_SHOWN_BYTES]!r}...({len(value)})'
    if isinstance(value, Stat):
        return 'Stat(' + ' '.join(f'{name}={field}' for name, field in zip(Stat._fields, value)
                                  if name not in ('ctime', 'mtime')) + ')'
    if isinstance(value, MultiResult):
        return f'{name_of(Op, value.type)}:' + (name_of(Err, value.err) if value.err
                                                else _short(value.value))
    if isinstance(value, Acl):
        return f'{value.scheme}:{value.id}:{int(value.perms)}'
    if isinstance(value, (list, tuple)):
        return '[' + ', '.join(_short(item) for item in value) + ']'
    return repr(value)


def _fields(op, reader):
    shown = []
    for name, read in _FIELDS[op]:
        value = read(reader)
        if read is _multi:
            text = '; '.join(f'{name_of(Op, inner)}({fields})' for inner, fields in value)
        else:
            text = _short(value)
        shown.append(f'{name}={text}')
    return ' '.join(shown)


def describe(request):
    """A request by its fields, or by its bytes when they do not form one."""
    try:
        reader = Reader(request.body)
        text = _fields(request.op, reader) if request.op in _FIELDS else ''
        if reader.remaining():
            text += f' and {reader.rest()!r}'
    except (Malformed, KeyError):
        text = f'malformed {request.body!r}'
    return f'{name_of(Op, request.op)}({text})'


def show_reply(reply):
    """One item of view.View.item that is no event."""
    if reply[0] != 'reply':
        return reply[0]
    _, xid, zxid, err, body = reply
    return f'xid {xid}, zxid {zxid}, {name_of(Err, err)} {"" if err and not body else _short(body)}'


def show_frames(events, reply):
    """Everything that came in answer to a request, one frame a line."""
    lines = [f'    event {name_of(EventType, kind)} {path!r}' for _, kind, path, _ in events]
    return '\n'.join([*lines, f'    reply {show_reply(reply)}'])
