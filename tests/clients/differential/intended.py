"""The written list of differences from Apache ZooKeeper 3.8 that are meant to be.

AVOIDED: what the generator does not ask, because the servers would go different ways afterwards.
TOLERATED: where one answer differs and nothing follows from it. Each is a rule that rewrites the
reference's and the subject's answer to a common form, and it is counted when it was needed.
A difference that is in neither list is a failure.
"""

from typing import Callable, NamedTuple

from harness.codes import Err, Op
from harness.jute import Reader
from harness.records import MultiResult, Stat

AVOIDED = [
    ('check outside a multi', '3.8 never answers it; ours refuses it as an unknown operation'),
    ('operations 20 and -10', 'internal; 3.8 decodes them, ours knows no such client request'),
    ('a null path', '3.8 fails inside, with -5 or -8 by operation; ours says -8'),
    ('vectors with counts below -1', '3.8 reads them as null; ours takes them for malformed'),
    ('an ACL entry for world with a null id', '3.8 fails inside with -5; ours says -114'),
    ('ACL entries of sasl and x509', '3.8 refuses them without a provider; ours stores them'),
    ('TTL creation with flags that have no TTL, container creation with flags other than 0 and 4',
     '3.8 believes the flags; ours wants flags and operation to agree'),
    ('create with the container flag outside a multi', '3.8 makes a plain node of it'),
    ('super writing to /zookeeper/config', '3.8 lets it overwrite the text; ours refuses'),
    ('watches of several modes of one connection on one path', '3.8 keeps one mode per path'),
    ('watch kinds 1 and 2 on persistent watches, kinds 4 and 5',
     '3.8 has three kinds that match every mode; five kinds are told apart since 3.9'),
    ('watches on the empty path', 'it reads as the root, but 3.8 never fires such a watch'),
    ('exists with a watch on a node that may not be read',
     'before 3.8.4 it needed no right, so only there the watch would be left'),
    ('setACL within a pipeline', 'on 3.8 writes behind it are judged by the old list'),
    ('checkWatches of a path without a slash', '3.8 fails when there are recursive watches'),
    ('auth and sasl within a pipeline', '3.8 answers them ahead of earlier requests'),
    ('ping within a pipeline', 'ours answers it at once; only its own xid says what it answers'),
    ('enforced hard limits of quotas', '3.8 judges a multi or pipeline by the usage before it, and '
     'refuses to make data smaller while the usage is too large'),
    ('half a quota', 'limits and stats belong together; 3.8 fills in stats without limits once'),
    ('strings that are no UTF-8 where they are echoed', '3.8 replaces what it cannot decode'),
    ('the number of descendants of the empty path', '3.8 counts one more than for the root'),
    ('unknown operations within a pipeline', '3.8 refuses them ahead of earlier requests'),
    ('a wrong password while the owner is connected', '3.8 closes the live connection'),
    ('counters of sequential nodes past 2147483647', '3.8 wraps around and then sticks'),
    ('restarts in a run with quotas', '3.8 counts some usage twice when it replays its log'),
    ('removal of containers and expired TTL nodes', 'its moment is not part of the protocol'),
]


class Tolerance(NamedTuple):
    name: str
    reason: str
    rewrite: Callable  # (slot, request, reference item, subject item, context) -> both items


class Context(NamedTuple):
    """What a rule may want to know besides the answers."""
    locked: set    # paths that may have been unreadable at some time
    watched: list  # for each slot: paths that its connection may watch, with the mode


def _with_error(item, err):
    return (*item[:3], err, b'')


def _is_reply(item):
    return item[0] == 'reply'


def _create2_in_multi(_slot, request, reference, subject, _context):
    if request.op != Op.MULTI or not (_is_reply(reference) and _is_reply(subject)):
        return reference, subject
    theirs, ours = reference[4], subject[4]
    if not (isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours)):
        return reference, subject
    reduced = [our._replace(type=Op.CREATE, value=our.value[0])
               if (their.type, our.type) == (Op.CREATE, Op.CREATE2) else our
               for their, our in zip(theirs, ours)]
    return reference, (*subject[:4], reduced)


def _write_in_multi_read(_slot, request, reference, subject, _context):
    empty_multi = b'\xff\xff\xff\xff\x01\xff\xff\xff\xff'
    if request.op == Op.MULTI_READ and _is_reply(reference) and reference[3:] == (
            Err.MARSHALLING, empty_multi):
        return _with_error(reference, Err.MARSHALLING), subject
    return reference, subject


def _exists_on_unreadable_node(_slot, request, reference, subject, context):
    if (request.op == Op.EXISTS and _is_reply(reference) and _is_reply(subject)
            and reference[3] == Err.OK and subject[3] == Err.NO_AUTH
            and Reader(request.body).string() in context.locked):
        return subject, subject
    return reference, subject


def _nul_in_exists(_slot, request, reference, subject, _context):
    if (request.op == Op.EXISTS and _is_reply(reference) and _is_reply(subject)
            and (reference[3], subject[3]) == (Err.NO_NODE, Err.BAD_ARGUMENTS)
            and '\0' in (Reader(request.body).string() or '')):
        return subject, subject
    return reference, subject


def _watch_of_another_connection(slot, request, reference, subject, context):
    if (request.op == Op.CHECK_WATCHES and _is_reply(reference) and _is_reply(subject)
            and (reference[3], subject[3]) == (Err.OK, Err.NO_WATCHER)):
        path = Reader(request.body).string()
        if any(path in paths for other, paths in enumerate(context.watched) if other != slot):
            return _with_error(reference, Err.NO_WATCHER), subject
    return reference, subject


def _with_config_version(value):
    """The value with -1 as the version in the Stat of /zookeeper/config, known by its aversion."""
    if isinstance(value, Stat):
        return value._replace(version=-1) if value.aversion == -1 else value
    if isinstance(value, MultiResult):
        return value._replace(value=_with_config_version(value.value))
    if type(value) in (list, tuple):
        return type(value)(_with_config_version(part) for part in value)
    return value


def _version_of_configuration(_slot, _request, reference, subject, _context):
    return _with_config_version(reference), subject


def _without_config_text(value):
    """The value with nothing in /zookeeper/config, which is known by its aversion."""
    if isinstance(value, Stat):
        return value._replace(data_length=0) if value.aversion == -1 else value
    if isinstance(value, MultiResult):
        return value._replace(value=_without_config_text(value.value))
    if type(value) in (list, tuple):
        parts = [_without_config_text(part) for part in value]
        if len(parts) == 2 and isinstance(parts[1], Stat) and parts[1].aversion == -1:
            parts[0] = b'' if isinstance(parts[0], bytes) else parts[0]
        return type(value)(parts)
    return value


def _text_of_configuration(_slot, _request, reference, subject, _context):
    return reference, _without_config_text(subject)


OLD_CONNECTION = Tolerance(
    'old connection of a session', '3.8 forgets which connection a session has when an earlier one '
    'ends while it attaches, and then leaves that connection open at the next attach',
    lambda _slot, _request, reference, subject, _context: (reference, subject))

TOLERATED = [
    Tolerance('text of /zookeeper/config', 'an ensemble has one, the standalone reference none',
              _text_of_configuration),
    Tolerance('version of /zookeeper/config', 'it is -1 everywhere but on a standalone 3.8',
              _version_of_configuration),
    Tolerance('watch of another connection', '3.8 takes it for one of the connection that asks',
              _watch_of_another_connection),
    Tolerance('create2 in a multi', '3.8 answers it with the type and body of create; its own type '
              'carries the Stat', _create2_in_multi),
    Tolerance('write in a multiRead', '3.8 adds an empty result behind the error -5; an error '
              'reply has no body', _write_in_multi_read),
    Tolerance('exists on an unreadable node', 'since 3.8.4 exists needs READ (CVE-2024-23944)',
              _exists_on_unreadable_node),
    Tolerance('NUL in the path of exists', 'later versions refuse it with -8', _nul_in_exists),
]


def reconcile(slot, request, reference, subject, context, used):
    """The two answers after every rule that applies; counts in `used` what was needed."""
    for tolerance in TOLERATED:
        if reference == subject:
            break
        after = tolerance.rewrite(slot, request, reference, subject, context)
        if after != (reference, subject):
            reference, subject = after
            used[tolerance.name] += 1
    return reference, subject
