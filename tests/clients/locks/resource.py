"""What a lock protects: it listens on loopback and refuses holders that are older than the newest.

It also looks whether a holder really is one: when somebody enters while another has not left, the
other's place in the queue must be gone. `violations` says what was wrong.
"""

import socketserver
import threading

from kazoo.client import KazooClient


class Resource:

    def __init__(self, hosts):
        self._observer = KazooClient(hosts=hosts, timeout=30)
        self._observer.start(timeout=30)
        self._mutex = threading.Lock()
        self.newest = 0
        self.inside = None  # (name, token, path)
        self.violations = []
        self.entered = {}  # how often, by name
        self.refused = {}  # how often, by name
        self.accepted = []  # (name, token) of each whose writes it took, in that order
        self.changed = threading.Condition(self._mutex)
        resource = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    for line in self.rfile:
                        answer = resource.answer(line.decode().split())
                        self.wfile.write(b'ok\n' if answer else b'stale\n')
                except ConnectionError:
                    pass  # killed

        self._server = socketserver.ThreadingTCPServer(('127.0.0.1', 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._observer.stop()
        self._observer.close()

    def answer(self, words):
        """Whether the resource goes along with it."""
        with self._mutex:
            word, name, token = words[0], words[1], int(words[2])
            if token < self.newest:
                self.refused[name] = self.refused.get(name, 0) + 1
                self.changed.notify_all()
                return False
            if self.accepted[-1:] != [(name, token)]:
                self.accepted.append((name, token))
            if word == 'enter':
                self._enter(name, token, words[3])
            elif self.inside is None or self.inside[:2] != (name, token):
                self.violations.append(f'{word} by {name}, which has not entered')
            elif word == 'leave':
                self.inside = None
            self.changed.notify_all()
            return True

    def _enter(self, name, token, path):
        if self.inside is not None:
            self._observer.retry(self._observer.sync, '/')
            if self._observer.retry(self._observer.exists, self.inside[2]):
                self.violations.append(f'{name} {path} enters, {self.inside} is still there')
        self.newest = token
        self.inside = (name, token, path)
        self.entered[name] = self.entered.get(name, 0) + 1

    def await_that(self, holds, seconds):
        """Until `holds()` is true, which is asked with the resource at rest."""
        with self._mutex:
            return self.changed.wait_for(holds, seconds)
