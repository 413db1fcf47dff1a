"""A client that keeps many writes in flight and knows exactly what each answer must be.

Every second request counts up a znode of its own, every other one adds a numbered child: an answer
that is missing, out of order, or of a write that was carried out twice cannot be mistaken for the
right one. Whatever goes wrong, a closed connection above all, is kept in `failure`.
"""

import threading

from harness import records
from harness.codes import Flags, Op
from harness.wire import WireClient

WINDOW = 16


class Writer(threading.Thread):
    """`server` is where it connects; `base` a znode that nobody else writes below."""

    def __init__(self, server, base, timeout_ms=30_000):
        super().__init__(daemon=True, name=base)
        self.base = base
        self.client = WireClient(server, timeout_ms=timeout_ms)
        self.answered = 0
        self.failure = None
        self._stopping = threading.Event()
        self.client.create(base)
        self.client.create(f'{base}/children')

    def _request(self, number):
        if number % 2 == 0:
            return records.set_data(self.base, b'%d' % (number // 2 + 1))
        return records.create(f'{self.base}/children/n-', b'', flags=Flags.SEQUENTIAL)

    def _check(self, number, reply):
        half = number // 2
        if reply.err:
            raise AssertionError(f'write {number} of {self.base} was answered {reply.err}')
        if number % 2 == 0:
            version = records.decode_body(Op.SET_DATA, reply.body).version
            if version != half + 1:
                raise AssertionError(f'{self.base}: version {version} instead of {half + 1}')
        else:
            name = records.decode_body(Op.CREATE, reply.body)
            if name != f'{self.base}/children/n-{half:010}':
                raise AssertionError(f'{self.base}: {name} instead of number {half}')

    def run(self):
        try:
            sent = 0
            while not self._stopping.is_set():
                while sent < self.answered + WINDOW:
                    self.client.send(self._request(sent))
                    sent += 1
                self._take_answer()
            while self.answered < sent:
                self._take_answer()
        except Exception as error:
            self.failure = error

    def _take_answer(self):
        self._check(self.answered, self.client.receive_reply(deadline_s=60))
        self.answered += 1

    def finish(self):
        """No more writes; returns when all are answered, with their number. Raises what failed."""
        self._stopping.set()
        self.join(90)
        if self.failure:
            raise self.failure
        if self.is_alive():
            raise AssertionError(f'{self.base} waits for answers')
        return self.answered

    def close(self):
        self._stopping.set()
        self.client.close()
