"""A disk that becomes slow, hangs or fails, while a server runs on it."""

from .ensemble import Member
from .server import ServerError, Topod, topod_binary


class OnSlowDisk:
    """A topod that finds its disk as bad as has been said last; comes before it among the bases.

    What does this is built by meson, and found in the build folder of the topod under test.
    """

    def _prepare(self):
        library = topod_binary().parents[1] / 'tests/clients/harness/libslow_disk.so'
        if not library.exists():
            raise ServerError(f'{library} is not built')
        command, environment = super()._prepare()
        # The address sanitizer's library wants to be the first, and is the first but for ours.
        sanitizer = f'{environment.get("ASAN_OPTIONS", "")}:verify_asan_link_order=0'
        return command, {**environment, 'ASAN_OPTIONS': sanitizer.lstrip(':'),
                         'LD_PRELOAD': str(library), 'SLOW_DISK': str(self._badness_path)}

    @property
    def _badness_path(self):
        return self.folder / 'badness'

    def _say(self, text):
        fresh = self._badness_path.with_suffix('.new')
        fresh.write_text(text)
        fresh.rename(self._badness_path)

    def slow_down(self, delay_ms):
        """Each durable write that begins from now on takes so much longer; 0: no longer."""
        self._say(f'{delay_ms}\n')

    def fail(self, error, path_part):
        """From now on durable writes to such files fail with this errno."""
        self._say(f'0 {error} {path_part}\n')

    def recover(self):
        """The disk is well again."""
        self._say('0\n')


class SlowDiskTopod(OnSlowDisk, Topod):
    """One server alone."""


class SlowDiskMember(OnSlowDisk, Member):
    """A member of an ensemble."""
