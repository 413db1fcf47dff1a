"""`topod --check` on a configuration as a member of an ensemble would find it on its machine."""

import pathlib
import re
import subprocess
import tempfile

from harness.server import topod_binary

SERVER_LINE = re.compile(r'^server\.(\d+)=', re.MULTILINE)
KEY_LINE = re.compile(r'^#?([A-Za-z0-9]\S*?)=', re.MULTILINE)


def members(text):
    """The numbers of the server lines."""
    return [int(number) for number in SERVER_LINE.findall(text)]


def check(text, member=None, folders=()):
    """Checks it strictly as member `member`; returns the CompletedProcess.

    `folders` are those of the configuration whose files stand in a temporary folder instead: the
    secret file is made there.
    """
    with tempfile.TemporaryDirectory(prefix='check-') as name:
        folder = pathlib.Path(name)
        for each in folders:
            text = text.replace(f'={each}/', f'={folder}/')
        for path in re.findall(r'^peerSecretFile=(.*)$', text, re.MULTILINE):
            pathlib.Path(path).write_text('a secret\n')
            pathlib.Path(path).chmod(0o640)
        data = folder / 'data'
        data.mkdir()
        if member is not None:
            (data / 'myid').write_text(f'{member}\n')
        config = folder / 'topod.cfg'
        config.write_text(text)
        return subprocess.run([topod_binary(), '--config', config, '--check', '--strict',
                               '--data-dir', data], capture_output=True, text=True, timeout=20,
                              check=False)
