"""Jute, the encoding of the client protocol: big-endian primitives, counted buffers and vectors.

Strings are UTF-8 on the wire and `str` here; bytes that are no UTF-8 survive as surrogate escapes,
and a Writer takes `bytes` as they are, so that tests can send what no client library would.
"""

import struct

_INT = struct.Struct('>i')
_LONG = struct.Struct('>q')


class Malformed(Exception):
    """The bytes end early, or a count makes no sense."""


class Writer:
    """Appends primitives; every method returns the writer, so that calls chain."""

    def __init__(self):
        self._parts = []

    def raw(self, data):
        self._parts.append(bytes(data))
        return self

    def byte(self, value):
        return self.raw([value & 0xff])

    def bool(self, value):
        return self.byte(int(value))

    def int(self, value):
        return self.raw(_INT.pack(value))

    def long(self, value):
        return self.raw(_LONG.pack(value))

    def buffer(self, data):
        return self.int(-1) if data is None else self.int(len(data)).raw(data)

    def string(self, text):
        if isinstance(text, str):
            text = text.encode('utf-8', 'surrogateescape')
        return self.buffer(text)

    def vector(self, items, write_one):
        """`write_one(writer, item)` for each item; None is the null vector."""
        if items is None:
            return self.int(-1)
        self.int(len(items))
        for item in items:
            write_one(self, item)
        return self

    def strings(self, items):
        return self.vector(items, Writer.string)

    def bytes(self):
        return b''.join(self._parts)


class Reader:
    """Takes primitives off the front of a byte string; raises Malformed when they are not there."""

    def __init__(self, data):
        self._data = data
        self._at = 0

    def remaining(self):
        return len(self._data) - self._at

    def raw(self, size):
        if size < 0 or size > self.remaining():
            raise Malformed(f'{size} bytes wanted, {self.remaining()} left')
        self._at += size
        return self._data[self._at - size:self._at]

    def rest(self):
        return self.raw(self.remaining())

    def byte(self):
        return self.raw(1)[0]

    def bool(self):
        return self.byte() != 0

    def int(self):
        return _INT.unpack(self.raw(4))[0]

    def long(self):
        return _LONG.unpack(self.raw(8))[0]

    def buffer(self):
        size = self.int()
        return None if size == -1 else self.raw(size)

    def string(self):
        data = self.buffer()
        return None if data is None else data.decode('utf-8', 'surrogateescape')

    def vector(self, read_one):
        count = self.int()
        if count < -1 or count > self.remaining():
            raise Malformed(f'a vector of {count} elements in {self.remaining()} bytes')
        return None if count == -1 else [read_one(self) for _ in range(count)]

    def strings(self):
        return self.vector(Reader.string)
