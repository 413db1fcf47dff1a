"""An ensemble whose members are far from each other: what one sends arrives a while later.

Between any two members stands a proxy of this process, which keeps every piece for the time that it
takes, in order. Clients are near their member. Times are in seconds.
"""

import asyncio
import threading

from .ensemble import Ensemble
from .server import LOOPBACK, free_ports

PIECE_BYTES = 65_536


class Proxies:
    """Relays connections, late. One thread of its own; `close` ends all of them."""

    def __init__(self, delay_s):
        self.delay_s = delay_s
        self._loop = asyncio.new_event_loop()
        self._servers, self._relays = [], set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def add(self, port, target_port):
        """Whoever connects to `port` is connected with `target_port`."""
        async def serve():
            self._servers.append(await asyncio.start_server(
                lambda reader, writer: self._relay(reader, writer, target_port), LOOPBACK, port))
        asyncio.run_coroutine_threadsafe(serve(), self._loop).result(10)

    async def _relay(self, near_reader, near_writer, target_port):
        relay = asyncio.current_task()
        self._relays.add(relay)
        try:
            # Where nobody listens, the near end is closed at once.
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, target_port)
            await asyncio.gather(self._pump(near_reader, far_writer),
                                 self._pump(far_reader, near_writer))
            far_writer.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            near_writer.close()
            self._relays.discard(relay)

    async def _pump(self, reader, writer):
        """Takes pieces as they come and gives each away when it has been under way long enough."""
        under_way = asyncio.Queue()

        async def deliver():
            while True:
                due, piece = await under_way.get()
                await asyncio.sleep(due - self._loop.time())
                if not piece:
                    writer.close()
                    return
                writer.write(piece)
                await writer.drain()

        delivery = asyncio.create_task(deliver())
        piece = None
        while piece != b'':
            try:
                piece = await reader.read(PIECE_BYTES)
            except OSError:
                piece = b''
            under_way.put_nowait((self._loop.time() + self.delay_s, piece))
        await delivery

    def close(self):
        async def end():
            for server in self._servers:
                server.close()
            relays = list(self._relays)
            for relay in relays:
                relay.cancel()
            await asyncio.gather(*relays, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class SlowLinksEnsemble(Ensemble):
    """Every way between two members takes `delay_s`."""

    def __init__(self, delay_s, voters=3, observers=0, config=None):
        self.proxies = Proxies(delay_s)
        super().__init__(voters, observers, config)
        for member, port in zip(self.members, free_ports(len(self.members))):
            own = f'server.{member.number}'
            host, peer_port, rest = self.config[own].split(':', 2)
            self.proxies.add(port, int(peer_port))
            for other in self.members:
                if other is not member:
                    other.config[own] = f'{host}:{port}:{rest}'

    def close(self):
        super().close()
        self.proxies.close()
