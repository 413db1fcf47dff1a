"""Requests and reply bodies of the client protocol.

A function per opcode builds a `Request`; `decode_body` turns the body of a successful reply into
plain values. Nothing here refuses nonsense: tests send it on purpose.
"""

from typing import Any, NamedTuple

from .codes import Flags, Op, Perms, WatchMode
from .jute import Malformed, Reader, Writer


class Request(NamedTuple):
    op: int
    body: bytes = b''


class Acl(NamedTuple):
    perms: int
    scheme: Any
    id: Any


class Stat(NamedTuple):
    czxid: int
    mzxid: int
    ctime: int
    mtime: int
    version: int
    cversion: int
    aversion: int
    ephemeral_owner: int
    data_length: int
    num_children: int
    pzxid: int


class MultiResult(NamedTuple):
    """One result of a multi: its type on the wire, its error, and its decoded body."""
    type: int
    err: int
    value: Any = None


OPEN_ACL = (Acl(Perms.ALL, 'world', 'anyone'),)
READ_ONLY_ACL = (Acl(Perms.READ, 'world', 'anyone'),)
CREATOR_ACL = (Acl(Perms.ALL, 'auth', ''),)
MULTI_END = (-1, True, -1)


def _write_acl(writer, acl):
    writer.int(acl.perms).string(acl.scheme).string(acl.id)


def _read_acl(reader):
    return Acl(reader.int(), reader.string(), reader.string())


def read_stat(reader):
    return Stat(*(reader.long() for _ in range(4)), *(reader.int() for _ in range(3)),
                reader.long(), reader.int(), reader.int(), reader.long())


def acl_list(acls):
    return Writer().vector(acls, _write_acl).bytes()


def create(path, data=b'', acl=OPEN_ACL, flags=Flags.PERSISTENT, op=Op.CREATE):
    return Request(op, Writer().string(path).buffer(data).raw(acl_list(acl)).int(flags).bytes())


def create2(path, data=b'', acl=OPEN_ACL, flags=Flags.PERSISTENT):
    return create(path, data, acl, flags, Op.CREATE2)


def create_container(path, data=b'', acl=OPEN_ACL, flags=Flags.CONTAINER):
    return create(path, data, acl, flags, Op.CREATE_CONTAINER)


def create_ttl(path, ttl_ms, data=b'', acl=OPEN_ACL, flags=Flags.TTL):
    body = create(path, data, acl, flags).body
    return Request(Op.CREATE_TTL, body + Writer().long(ttl_ms).bytes())


def delete(path, version=-1):
    return Request(Op.DELETE, Writer().string(path).int(version).bytes())


def set_data(path, data, version=-1):
    return Request(Op.SET_DATA, Writer().string(path).buffer(data).int(version).bytes())


def set_acl(path, acl, version=-1):
    return Request(Op.SET_ACL, Writer().string(path).raw(acl_list(acl)).int(version).bytes())


def check(path, version=-1):
    return Request(Op.CHECK, Writer().string(path).int(version).bytes())


def exists(path, watch=False):
    return Request(Op.EXISTS, Writer().string(path).bool(watch).bytes())


def get_data(path, watch=False):
    return Request(Op.GET_DATA, Writer().string(path).bool(watch).bytes())


def get_children(path, watch=False):
    return Request(Op.GET_CHILDREN, Writer().string(path).bool(watch).bytes())


def get_children2(path, watch=False):
    return Request(Op.GET_CHILDREN2, Writer().string(path).bool(watch).bytes())


def get_acl(path):
    return Request(Op.GET_ACL, Writer().string(path).bytes())


def sync(path='/'):
    return Request(Op.SYNC, Writer().string(path).bytes())


def get_all_children_number(path):
    return Request(Op.GET_ALL_CHILDREN_NUMBER, Writer().string(path).bytes())


def get_ephemerals(prefix=None):
    return Request(Op.GET_EPHEMERALS, Writer().string(prefix).bytes())


def who_am_i():
    return Request(Op.WHO_AM_I)


def ping():
    return Request(Op.PING)


def close_session():
    return Request(Op.CLOSE_SESSION)


def auth(scheme, data, kind=0):
    return Request(Op.AUTH, Writer().int(kind).string(scheme).buffer(data).bytes())


def sasl(token):
    return Request(Op.SASL, Writer().buffer(token).bytes())


def add_watch(path, mode=WatchMode.PERSISTENT):
    return Request(Op.ADD_WATCH, Writer().string(path).int(mode).bytes())


def check_watches(path, kind):
    return Request(Op.CHECK_WATCHES, Writer().string(path).int(kind).bytes())


def remove_watches(path, kind):
    return Request(Op.REMOVE_WATCHES, Writer().string(path).int(kind).bytes())


def set_watches(zxid, data=(), exist=(), child=(), persistent=None, recursive=None):
    """setWatches2 when a list of persistent watches is given, else setWatches."""
    writer = Writer().long(zxid).strings(data).strings(exist).strings(child)
    if persistent is None and recursive is None:
        return Request(Op.SET_WATCHES, writer.bytes())
    writer.strings(persistent or ()).strings(recursive or ())
    return Request(Op.SET_WATCHES2, writer.bytes())


def reconfig(joining=None, leaving=None, members=None, config_id=-1):
    writer = Writer().string(joining).string(leaving).string(members).long(config_id)
    return Request(Op.RECONFIG, writer.bytes())


def _multi_header(kind, done, err):
    return Writer().int(kind).bool(done).int(err).bytes()


def multi(requests, op=Op.MULTI):
    writer = Writer()
    for request in requests:
        writer.raw(_multi_header(request.op, False, -1)).raw(request.body)
    return Request(op, writer.raw(_multi_header(*MULTI_END)).bytes())


def multi_read(requests):
    return multi(requests, Op.MULTI_READ)


def _read_path_and_stat(reader):
    return reader.string(), read_stat(reader)


def _read_data_and_stat(reader):
    return reader.buffer(), read_stat(reader)


def _read_client_info(reader):
    return reader.string(), reader.string()


def _read_multi(reader):
    results = []
    while True:
        kind, done, err = reader.int(), reader.bool(), reader.int()
        if done:
            if (kind, done, err) != MULTI_END:
                raise Malformed(f'a multi ends with {(kind, done, err)}')
            return results
        if kind == Op.ERROR:
            repeated = reader.int()
            if repeated != err:
                raise Malformed(f'a multi result says {err} and {repeated}')
            results.append(MultiResult(kind, err))
        else:
            results.append(MultiResult(kind, err, _BODIES[kind](reader)))


def _read_nothing(_reader):
    return None


_BODIES = {
    Op.CREATE: Reader.string,
    Op.DELETE: _read_nothing,
    Op.EXISTS: read_stat,
    Op.GET_DATA: _read_data_and_stat,
    Op.SET_DATA: read_stat,
    Op.GET_ACL: lambda reader: (reader.vector(_read_acl), read_stat(reader)),
    Op.SET_ACL: read_stat,
    Op.GET_CHILDREN: Reader.strings,
    Op.SYNC: Reader.string,
    Op.PING: _read_nothing,
    Op.GET_CHILDREN2: lambda reader: (reader.strings(), read_stat(reader)),
    Op.CHECK: _read_nothing,
    Op.MULTI: _read_multi,
    Op.CREATE2: _read_path_and_stat,
    Op.RECONFIG: _read_data_and_stat,
    Op.CHECK_WATCHES: _read_nothing,
    Op.REMOVE_WATCHES: _read_nothing,
    Op.CREATE_CONTAINER: _read_path_and_stat,
    Op.CREATE_TTL: _read_path_and_stat,
    Op.MULTI_READ: _read_multi,
    Op.AUTH: _read_nothing,
    Op.SET_WATCHES: _read_nothing,
    Op.SASL: Reader.buffer,
    Op.GET_EPHEMERALS: Reader.strings,
    Op.GET_ALL_CHILDREN_NUMBER: Reader.int,
    Op.SET_WATCHES2: _read_nothing,
    Op.ADD_WATCH: Reader.int,
    Op.WHO_AM_I: lambda reader: reader.vector(_read_client_info),
    Op.CLOSE_SESSION: _read_nothing,
}


def decode_body(op, body):
    """The value in the body of a successful reply to `op`. Bytes left over are Malformed."""
    reader = Reader(body)
    value = _BODIES[op](reader)
    if reader.remaining():
        raise Malformed(f'{reader.remaining()} bytes too many in a reply to operation {op}')
    return value
