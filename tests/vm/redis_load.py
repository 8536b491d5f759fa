# SPDX-License-Identifier: GPL-2.0-only
"""Load on the machine's redis from outside: keys to begin with, and a client
that writes all the time and remembers what was acknowledged."""

import socket
import threading
import time

KEYS = 100_000
BATCH = 1000
COUNTER = "writer:counter"
# Without an answer for so long a connection is given up: its peer may have been closed unheard.
SILENCE_SEC = 20

# Run inside the machine, in either kernel: a digest over all loaded keys.
DIGEST_SCRIPT = (
    "local h = '' "
    f"for first = 0, {KEYS - 1}, {BATCH} do "
    "local names = {} "
    f"for i = first, first + {BATCH - 1} do names[#names + 1] = string.format('key:%06d', i) end "
    "local values = redis.call('MGET', unpack(names)) "
    f"for i = 1, {BATCH} do if not values[i] then values[i] = 'missing' end end "
    "h = redis.sha1hex(h .. table.concat(values, ',')) "
    "end return h")
DIGEST_COMMAND = f'redis-cli EVAL "{DIGEST_SCRIPT}" 0'


def encode(*words):
    """A command in the protocol of redis."""
    words = [w.encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Connection:
    """One connection; answers that are not a status line are not understood."""

    def __init__(self, port, timeout=30):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._file = self._socket.makefile("rb")

    def send(self, data):
        self._socket.sendall(data)

    def expect_ok(self, count=1):
        for _ in range(count):
            line = self._file.readline()
            if line != b"+OK\r\n":
                raise ConnectionError(f"redis answered {line!r}")

    def ask(self, *words):
        """A command that answers with a number."""
        self.send(encode(*words))
        line = self._file.readline()
        if not line.startswith(b":"):   # it says BUSY while a script runs for long
            raise ConnectionError(f"redis answered {line!r}")
        return int(line[1:])

    def close(self):
        self._file.close()
        self._socket.close()


def load_keys(port):
    """Write the 100,000 keys."""
    c = Connection(port)
    for first in range(0, KEYS, BATCH):
        c.send(b"".join(encode("SET", f"key:{i:06}", f"value-{i}-{i * 2654435761 % 2**32:08x}")
                        for i in range(first, first + BATCH)))
        c.expect_ok(BATCH)
    c.close()


class Writer(threading.Thread):
    """Writes the counter, one step after the other, until told to stop; connects again when cut off."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._port = port
        self._end = threading.Event()
        self.acked = 0
        self.sent = 0
        self.connections = 0
        self._id = None

    def _write(self):
        c = Connection(self._port, timeout=SILENCE_SEC)
        self.connections += 1
        try:
            if self._id:        # what it had sent must not be carried out after what comes now
                c.ask("CLIENT", "KILL", "ID", str(self._id))
            self._id = c.ask("CLIENT", "ID")
            while not self._end.is_set():
                self.sent += 1
                c.send(encode("SET", COUNTER, str(self.sent)))
                c.expect_ok()
                self.acked = self.sent
        finally:
            c.close()

    def run(self):
        while not self._end.is_set():
            try:
                self._write()
            except OSError:
                self._end.wait(0.5)

    def wait_acked(self, timeout=120):
        """Wait until one more write is acknowledged; whether it was."""
        acked, end = self.acked, time.monotonic() + timeout
        while self.acked == acked and time.monotonic() < end:
            time.sleep(0.1)
        return self.acked > acked

    def stop(self):
        self._end.set()
        self.join(1)
