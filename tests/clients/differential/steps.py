"""What the driver can be told to do. A step is plain data; it is carried out on both servers."""

from typing import NamedTuple

from harness import records


class SetWatchesSince(NamedTuple):
    """A setWatches request relative to the transaction named by `label` (see view.View)."""
    label: str
    lists: dict

    @property
    def op(self):
        return self.resolve(None).op

    def resolve(self, view):
        zxid = view.zxid_of(self.label) if view else 0
        return records.set_watches(zxid, **self.lists)


def resolve(request, view):
    """The request as this server must get it: zxids are the only thing that differs."""
    return request.resolve(view) if isinstance(request, SetWatchesSince) else request


class Exchange(NamedTuple):
    """Requests sent in one write on the connection of a slot; then all their replies."""
    slot: int
    requests: list


class Reattach(NamedTuple):
    """The session of a slot moves to a new connection, the old one being closed before or by it."""
    slot: int
    drops_first: bool


class WrongPassword(NamedTuple):
    """The slot's connection is dropped, somebody fails to attach, then the owner succeeds."""
    slot: int
    password: bytes


class CloseSession(NamedTuple):
    """The session of a slot is closed by its client; a new session takes the slot."""
    slot: int


class Restart(NamedTuple):
    """Both servers end and start again on their data; every session comes back."""
    graceful: bool


class CompareTrees(NamedTuple):
    """Every node of both servers is read, with its Stat and ACL, and compared."""
