"""A disk that becomes slow, or hangs, while a server runs on it."""

import os

from .ensemble import Member
from .server import ServerError, topod_binary


class SlowDiskMember(Member):
    """A member that waits for its disk as long as `slow_down` has said last.

    What makes it wait is built by meson, and found in the build folder of the topod under test.
    """

    def _prepare(self):
        library = topod_binary().parents[1] / 'tests/clients/harness/libslow_disk.so'
        if not library.exists():
            raise ServerError(f'{library} is not built')
        command, environment = super()._prepare()
        return command, {**(environment or os.environ), 'LD_PRELOAD': str(library),
                         'SLOW_DISK': str(self._delay_path)}

    @property
    def _delay_path(self):
        return self.folder / 'delay_ms'

    def slow_down(self, delay_ms):
        """Each durable write that begins from now on takes so much longer; 0: no longer."""
        fresh = self._delay_path.with_suffix('.new')
        fresh.write_text(f'{delay_ms}\n')
        fresh.rename(self._delay_path)
