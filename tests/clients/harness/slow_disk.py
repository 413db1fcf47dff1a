"""A disk that becomes slow, or hangs, while a server runs on it."""

import os
import pathlib
import subprocess

from .ensemble import Member

SOURCE = pathlib.Path(__file__).with_name('slow_disk.c')


class SlowDiskMember(Member):
    """A member that waits for its disk as long as `slow_down` has said last."""

    def _prepare(self):
        library = self.folder / 'slow_disk.so'
        if not library.exists():
            subprocess.run(['cc', '-O1', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl'],
                           check=True, timeout=60)
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
