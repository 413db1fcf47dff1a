"""The random requests: a seed gives one sequence of steps, whatever the servers answer.

The paths are few, so that requests meet: creations find the node there, deletions find children,
watches fire. What must not be asked, because Apache is known to behave otherwise, is left out as
`intended.AVOIDED` says; the tracking that needs is kept here (modes of watches, locked paths).
"""

import random

from harness import records
from harness.codes import Flags, Op, Perms, WatchMode
from harness.records import Acl, Request

from .steps import (CloseSession, CompareTrees, Exchange, Reattach, Restart, SetWatchesSince,
                    WrongPassword)
from .view import START

SLOTS = 4
MAX_BATCH = 8
NOT_IN_BATCHES = (Op.PING, Op.SET_ACL)
TREE_COMPARISON_INTERVAL = 100  # steps
CREDENTIALS = (b'u:p', b'v:q', b'no-colon')
SUPER_CREDENTIALS = b'super:admin'
LONG_TTL_MS = 10**10

TOP = ['/a', '/b', '/c']
SECOND = ['/a/x', '/a/y', '/b/x', '/c/x']
PATHS = TOP + SECOND + ['/a/x/1', '/a/x/2', '/b/x/1']
SEQUENTIAL_PREFIXES = ['/a/s-', '/b/s-', '/a/x/', '/s', '/c/']
SEQUENTIAL_NODES = [f'{prefix}{number:010}'
                    for prefix in SEQUENTIAL_PREFIXES for number in (0, 1, 2)]
SYSTEM_PATHS = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']
CONFIG = '/zookeeper/config'
BAD_PATHS = ['', 'x', 'a/b', '//', '/a/', '/a//x', '/a/./x', '/a/../b', '/a/.', '/a/..', '/a/\x01',
             '/a/\x7f', '/a/\ue000', '/missing/x', '/missing', '/zookeeper/x/y', b'/a/\xff']
NUL_PATH = '/a/n\0l'
GOOD_ODD_PATHS = ['/a/...', '/a/.hidden', '/a/b c', '/b/\u00e4', '/c/\u4e2d']
ODD_VERSIONS = [0, 0, 1, 2, 3, 99, -2, 2**31 - 1, -2**31]
DATA = [b'', b'x', b'data', b'0' * 100, None, bytes(range(256))]
UNKNOWN_OPS = [0, 10, 23, 99, 108, 200, -2, -12]

QUOTA_PATHS = ['/a', '/b']
QUOTA_LIMITS = [b'count=3,bytes=50', b'count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=4',
                b'count=-1,bytes=-1=;byteHardLimit=120;countHardLimit=-1']

OPEN = records.OPEN_ACL
DIGEST_U = (Acl(Perms.ALL, 'digest', 'u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ='),)
READABLE_ACLS = [OPEN, records.READ_ONLY_ACL, OPEN + DIGEST_U, OPEN * 2,
                 (Acl(Perms.ALL, 'ip', '127.0.0.1'),), (Acl(Perms.ALL, 'ip', '127.0.0.0/8'),),
                 (Acl(Perms.READ | Perms.CREATE, 'world', 'anyone'), *DIGEST_U),
                 (Acl(Perms.ALL & ~Perms.DELETE, 'world', 'anyone'),),
                 (Acl(1023, 'world', 'anyone'),)]
LOCKING_ACLS = [DIGEST_U, records.CREATOR_ACL, (Acl(Perms.ALL & ~Perms.READ, 'world', 'anyone'),),
                (Acl(Perms.ALL, 'ip', '10.0.0.0/8'), Acl(Perms.ADMIN, 'world', 'anyone')),
                (Acl(0, 'world', 'anyone'),), (Acl(Perms.ALL, 'auth', None),)]
INVALID_ACLS = [(), None, (Acl(31, 'world', 'x'),), (Acl(31, 'nope', 'x'),), (Acl(31, None, 'x'),),
                (Acl(31, 'digest', 'x'),), (Acl(31, 'digest', 'a:b:c'),), (Acl(31, 'ip', 'x'),),
                (Acl(31, 'ip', '1.2.3.4/40'),), (Acl(31, 'super', 'x'),),
                OPEN + (Acl(31, 'nope', 'x'),)]


class Generator:
    """An endless source of steps.

    `locked` holds the paths that may have become unreadable, `watched` for each slot the paths
    that its connection may watch, with the mode.
    """

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.locked = set()
        self._count = 0
        # Half of the seeds restart the servers, the others use quotas (see intended.AVOIDED).
        self._restarts = seed % 2 == 1
        self._has_super = [False] * SLOTS
        # Watches of one connection on one path keep to one mode.
        self.watched = [{} for _ in range(SLOTS)]
        self._recent_labels = [START]
        self._makers = [
            (26, self._create), (6, self._delete), (10, self._set_data), (8, self._get_data),
            (8, self._exists), (5, self._get_children), (4, self._get_children2),
            (4, self._set_acl), (4, self._get_acl), (2, self._sync), (1, self._ping),
            (12, self._multi), (4, self._multi_read), (5, self._set_watches), (4, self._add_watch),
            (5, self._examine_watches), (2, self._get_ephemerals), (2, self._count_children),
            (1, self._who_am_i), (0 if self._restarts else 4, self._quota),
            (2, self._truncated), (1, self._extended),
            (1, self._reconfig)]

    def next_step(self, latest_label):
        """The next step; `latest_label` names the latest successful write."""
        self._count += 1
        if self._count <= len(TOP):
            return Exchange(0, [records.create(TOP[self._count - 1])])
        if self._count % TREE_COMPARISON_INTERVAL == 0:
            return CompareTrees()
        if latest_label != self._recent_labels[-1]:
            self._recent_labels = (self._recent_labels + [latest_label])[-20:]
        slot = self.random.randrange(SLOTS)
        dice = self.random.random()
        if dice < 0.002 and self._restarts:
            for other in range(SLOTS):
                self._with_new_connection(other, None)
            return Restart(self.random.random() < 0.5)
        if dice < 0.012:
            return self._with_new_connection(slot, CloseSession(slot))
        if dice < 0.03:
            return self._with_new_connection(slot, Reattach(slot, self.random.random() < 0.5))
        if dice < 0.035:
            password = self.random.choice([b'x' * 16, bytes(16), b'', None])
            return self._with_new_connection(slot, WrongPassword(slot, password))
        if dice < 0.05:
            return Exchange(slot, [self._auth(slot)])
        if dice < 0.06:
            op = self.random.choice(UNKNOWN_OPS)
            return self._with_new_connection(slot, Exchange(slot, [Request(op)]))
        if dice < 0.10:
            size = self.random.randrange(2, MAX_BATCH)
            requests = [self._request(slot) for _ in range(size)]
            return Exchange(slot, [request for request in requests
                                   if request.op not in NOT_IN_BATCHES])
        return Exchange(slot, [self._request(slot)])

    def _with_new_connection(self, slot, step):
        self._has_super[slot] = False
        self.watched[slot] = {}
        return step

    def _request(self, slot):
        weights = [weight for weight, _ in self._makers]
        maker, = self.random.choices([maker for _, maker in self._makers], weights)
        return maker(slot)

    # Ingredients.

    def _path(self, bad_share=0.05):
        pools = [BAD_PATHS, GOOD_ODD_PATHS, SYSTEM_PATHS, SEQUENTIAL_NODES, TOP, SECOND, PATHS]
        weights = [bad_share, 0.02, 0.05, 0.05, 0.3, 0.3, 0.2]
        return self.random.choice(self.random.choices(pools, weights)[0])

    def _path_to_write(self, slot):
        """Super may overwrite the configuration on Apache only, so it is not asked to."""
        while True:
            path = self._path()
            if not (path == CONFIG and self._has_super[slot]):
                return path

    def _version(self):
        return -1 if self.random.random() < 0.6 else self.random.choice(ODD_VERSIONS)

    def _data(self):
        return self.random.choice(DATA)

    def _acl(self, path):
        dice = self.random.random()
        if dice < 0.75 or path in SYSTEM_PATHS:
            return OPEN
        if dice < 0.85:
            return self.random.choice(READABLE_ACLS)
        if dice < 0.92:
            return self.random.choice(INVALID_ACLS)
        self.locked.add(path)
        return self.random.choice(LOCKING_ACLS)

    def _may_watch(self, slot, path, mode):
        """Whether a watch of this mode keeps this connection's path to one mode."""
        if path == '' or isinstance(path, bytes):
            return False
        return self.watched[slot].setdefault(path, mode) == mode

    def _watch_flag(self, slot, path):
        return self.random.random() < 0.4 and self._may_watch(slot, path, 'one-shot')

    # Requests, one maker each.

    def _create(self, slot, in_multi=False):
        kind = self.random.random()
        if kind < 0.15:
            path, acl = self.random.choice(SEQUENTIAL_PREFIXES), OPEN
            flags = self.random.choice([Flags.SEQUENTIAL, Flags.EPHEMERAL_SEQUENTIAL])
        else:
            path = self._path_to_write(slot) if self.random.random() < 0.98 else NUL_PATH
            acl = self._acl(path)
            flags = self.random.choice([0, 0, 0, 1])
        data = self._data()
        if kind > 0.97 and not in_multi:
            flags = self.random.choice([5, 6, 7, 8, -1, 2**31 - 1])
        elif kind > 0.91:
            flags = self.random.choice([Flags.TTL, Flags.SEQUENTIAL_TTL])
            if flags == Flags.SEQUENTIAL_TTL:
                path, acl = self.random.choice(SEQUENTIAL_PREFIXES), OPEN
            ttl_ms = self.random.choice([LONG_TTL_MS, LONG_TTL_MS, 0, -1, 2**41])
            return records.create_ttl(path, ttl_ms, data, acl, flags)
        elif kind > 0.85:
            return records.create_container(path, data, acl, self.random.choice([0, 4]))
        elif kind > 0.83 and in_multi:
            flags = Flags.CONTAINER
        op = self.random.choice([Op.CREATE, Op.CREATE2])
        return records.create(path, data, acl, flags, op)

    def _delete(self, slot):
        path = self._path() if self.random.random() < 0.98 else NUL_PATH
        return records.delete(path, self._version())

    def _set_data(self, slot):
        return records.set_data(self._path_to_write(slot), self._data(), self._version())

    def _set_acl(self, slot):
        path = self._path_to_write(slot)
        return records.set_acl(path, self._acl(path), self._version())

    def _exists(self, slot):
        if self.random.random() < 0.02:
            return records.exists(NUL_PATH)
        path = self._path()
        watch = self._watch_flag(slot, path) and path not in self.locked
        return records.exists(path, watch)

    def _get_data(self, slot):
        path = self._path()
        return records.get_data(path, self._watch_flag(slot, path))

    def _get_children(self, slot):
        path = self._path()
        return records.get_children(path, self._watch_flag(slot, path))

    def _get_children2(self, slot):
        path = self._path()
        return records.get_children2(path, self._watch_flag(slot, path))

    def _get_acl(self, slot):
        return records.get_acl(self._path())

    def _sync(self, slot):
        paths = [path for path in BAD_PATHS if isinstance(path, str)]
        return records.sync(self.random.choice([*PATHS, *paths, None]))

    def _ping(self, slot):
        return records.ping()

    def _get_ephemerals(self, slot):
        return records.get_ephemerals(self.random.choice([None, '', '/', '/a', '/a/', '/b/x', 'x']))

    def _count_children(self, slot):
        return records.get_all_children_number(self._path() or '/')

    def _who_am_i(self, slot):
        return records.who_am_i()

    def _reconfig(self, slot):
        return records.reconfig(members=self.random.choice([None, '', 'server.1=h:1:2;3']))

    def _multi(self, slot):
        size = self.random.choice([0, 1, 1, 2, 2, 3, 3, 4, 6])
        makers = [lambda: self._create(slot, in_multi=True), lambda: self._delete(slot),
                  lambda: self._set_data(slot),
                  self._check]
        requests = [self.random.choice(makers)() for _ in range(size)]
        if self.random.random() < 0.3:
            # These can hardly fail: there must be successful ones with several operations.
            requests = [records.create('/a/s-', self._data(), flags=Flags.SEQUENTIAL),
                        records.set_data('/a', self._data()), records.check('/a'),
                        records.create_container('/b/s-', flags=Flags.CONTAINER),
                        records.delete('/b/s-'), records.set_data('/b', b'y')][:size]
        if self.random.random() < 0.04:
            requests.insert(self.random.randrange(size + 1), self.random.choice(
                [records.exists('/a'), records.set_acl('/a', OPEN), records.get_data('/a'),
                 records.sync('/'), Request(99)]))
        return records.multi(requests)

    def _check(self):
        path = self._path()
        return records.check(path, -1 if path == CONFIG else self._version())

    def _multi_read(self, slot):
        makers = [records.get_data, records.get_children]
        requests = [self.random.choice(makers)(self._path(), self.random.random() < 0.3)
                    for _ in range(self.random.randrange(5))]
        if self.random.random() < 0.05:
            requests.append(self.random.choice([records.exists('/a'), records.delete('/missing')]))
        return records.multi_read(requests)

    def _auth(self, slot):
        dice = self.random.random()
        if dice < 0.6:
            return records.auth('digest', self.random.choice(CREDENTIALS))
        if dice < 0.7:
            self._has_super[slot] = True
            return records.auth('digest', SUPER_CREDENTIALS)
        if dice < 0.8:
            return records.auth('ip', b'10.0.0.1')
        if dice < 0.86:
            return records.sasl(self.random.choice([b'', b'token']))
        self._with_new_connection(slot, None)
        return records.auth(self.random.choice(['world', 'nope', 'auth', 'super', '', None]), b'x')

    def _add_watch(self, slot):
        path = '/' if self.random.random() < 0.3 else self._path(bad_share=0.01)
        mode = self.random.choice([WatchMode.PERSISTENT, WatchMode.PERSISTENT_RECURSIVE])
        if not self._may_watch(slot, path, mode.name):
            return records.add_watch('/a', self.random.choice([2, -1, 99]))
        return records.add_watch(path, mode)

    def _examine_watches(self, slot):
        """checkWatches and removeWatches; only kind 3 asks the same of persistent watches."""
        maker = self.random.choice([records.check_watches, records.remove_watches])
        known = [path for path in self.watched[slot] if path.startswith('/')] or PATHS
        path = self.random.choice(known)
        one_shot = self.watched[slot].get(path) == 'one-shot'
        return maker(path, self.random.choice([1, 2, 3, 0, 6] if one_shot else [3, 0, 6]))

    def _set_watches(self, slot):
        one_shot = [path for path in PATHS + ['/']
                    if self.watched[slot].get(path, 'one-shot') == 'one-shot']
        most = min(2, len(one_shot))
        lists = {name: self.random.sample(one_shot, self.random.randint(0, most))
                 for name in ('data', 'exist', 'child')}
        for paths in lists.values():
            for path in paths:
                self.watched[slot][path] = 'one-shot'
        if self.random.random() < 0.4:
            for name, mode in (('persistent', WatchMode.PERSISTENT),
                               ('recursive', WatchMode.PERSISTENT_RECURSIVE)):
                path = self.random.choice(PATHS)
                lists[name] = [path] if self._may_watch(slot, path, mode.name) else []
        return SetWatchesSince(self.random.choice(self._recent_labels), lists)

    def _quota(self, slot):
        """Creates, reads, changes or removes a whole quota on one of a few paths."""
        quota = '/zookeeper/quota' + self.random.choice(QUOTA_PATHS)
        limits, stats = quota + '/zookeeper_limits', quota + '/zookeeper_stats'
        return self.random.choice([
            records.get_data(stats), records.get_children(quota),
            records.set_data(limits, self.random.choice(QUOTA_LIMITS)),
            records.multi([records.create(quota),
                           records.create(limits, self.random.choice(QUOTA_LIMITS)),
                           records.create(stats, b'count=0,bytes=0')]),
            records.multi([records.delete(limits), records.delete(stats), records.delete(quota)])])

    def _truncated(self, slot):
        """A request of which the end is missing."""
        whole = self.random.choice([
            self._create(slot), self._delete(slot), self._set_data(slot), self._get_acl(slot),
            self._set_acl(slot), records.exists('/a'), records.get_data('/a'),
            records.get_children('/a'), records.sync('/a'), records.add_watch('/a'),
            records.remove_watches('/a', 3), records.set_watches(0, ['/a'], ['/b'], ['/c']),
            records.multi([records.set_data('/a', b'x')]), records.get_ephemerals('/'),
            records.multi_read([records.get_data('/a')])])
        return Request(whole.op, whole.body[:self.random.randrange(len(whole.body))])

    def _extended(self, slot):
        """A request with fields of a later version behind its own."""
        whole = self.random.choice([self._create(slot), self._set_data(slot), self._get_data(slot),
                                    self._delete(slot), records.ping(), self._multi(slot)])
        return Request(whole.op, whole.body + b'later')
