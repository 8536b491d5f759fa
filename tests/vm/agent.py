# SPDX-License-Identifier: GPL-2.0-only
"""Runs commands in a machine through rootfs-builder/agent on a serial line.

The protocol is described in agent.c. Lines may be lost or torn by kernel
messages on the same UART; whatever is missing is asked for again.
"""

import base64
import queue
import random
import re
import socket
import threading
import time
import zlib

FRAME = re.compile(rb"(#(\d+) (\d+) (ack|out|err|exit) =([A-Za-z0-9+/=]*)) ([0-9a-f]{8})\s*$")
ASK_AGAIN_SEC = 2.0
GRACE_SEC = 20.0
SILENCE_SEC = 40.0


class AgentTimeout(Exception):
    """The agent did not answer in time: the machine is down or stuck."""


class CommandError(Exception):
    """A command failed that had to succeed."""

    def __init__(self, result):
        super().__init__(f"`{result.command}` failed with status {result.status}:\n{result.output}")
        self.result = result


class Result:
    """What a command left: status, stdout, stderr, and both mixed in output."""

    def __init__(self, command):
        self.command = command
        self.status = None
        self.stdout = self.stderr = self.output = ""


def _frame(text):
    return text + b" %08x\n" % zlib.crc32(text)


class Agent:
    """One agent, behind the UNIX socket of QEMU's serial port at `path`."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._frames = queue.Queue()
        self._seq = random.randrange(1, 1 << 30)
        threading.Thread(target=self._read, daemon=True).start()

    def close(self):
        self._socket.close()

    def _read(self):
        pending = b""
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                m = FRAME.search(line)
                if m and zlib.crc32(m[1]) == int(m[6], 16):
                    self._frames.put((int(m[2]), int(m[3]), m[4].decode(), base64.b64decode(m[5])))

    def _send(self, text):
        # An empty line first ends whatever half line the agent may hold.
        self._socket.sendall(b"\n" + _frame(text))

    def run(self, command, timeout=60, check=True, on_output=None, silence=SILENCE_SEC):
        """Run `command` by bash, for at most `timeout` seconds.

        `on_output` gets the decoded output as it comes. Raises CommandError
        when `check` is set and the status is not 0, AgentTimeout when the
        machine shows no sign of life for `silence` seconds. A command that runs too long has status 124.
        """
        self._seq += 1
        request = b"#%d run %d %s" % (self._seq, timeout, base64.b64encode(command.encode()))
        frames = {}
        result = Result(command)
        done = 0
        deadline = time.monotonic() + timeout + GRACE_SEC
        silent_at = time.monotonic() + silence

        self._send(request)
        while result.status is None:
            if time.monotonic() > min(deadline, silent_at):
                raise AgentTimeout(f"no answer to `{command}`")
            try:
                seq, number, kind, data = self._frames.get(timeout=ASK_AGAIN_SEC)
            except queue.Empty:
                self._send(b"#%d from %d" % (self._seq, done) if frames else request)
                continue
            if seq != self._seq:
                continue
            silent_at = time.monotonic() + silence
            frames[number] = (kind, data)
            while done in frames:
                kind, data = frames[done]
                done += 1
                self._take(result, kind, data.decode(errors="replace"), on_output)
        if check and result.status != 0:
            raise CommandError(result)
        return result

    @staticmethod
    def _take(result, kind, text, on_output):
        if kind == "exit":
            result.status = int(text)
        elif kind in ("out", "err"):
            setattr(result, "std" + kind, getattr(result, "std" + kind) + text)
            result.output += text
            if on_output:
                on_output(text)

    def wait(self, timeout):
        """Wait until the agent answers at all."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.run("true", timeout=timeout, silence=timeout)
            except AgentTimeout:
                if time.monotonic() > deadline:
                    raise

    def output(self, command, **kwargs):
        """Stripped stdout of a command that has to succeed."""
        return self.run(command, **kwargs).stdout.strip()
