# SPDX-License-Identifier: GPL-2.0-only
"""Logins on the twin: tkctl, tkd and tkd-console with the fake's socket in the place of AF_VSOCK."""
import os
import pty
import select
import socket
import subprocess
import termios
import threading
import time

import harness
import test_tkctl
from harness import MANAGER, VERSION, wait

TKD_CONSOLE = os.environ["TKD_CONSOLE"]
PORT = 7401


class TestCase(test_tkctl.TestCase):
    def setUp(self):
        super().setUp()
        self.machine.start()

    def listen(self, *program):
        """The twin's socket unit: one tkd-console for each connection, in which the program runs."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(f"{self.machine.fake}/port-{PORT}")
        listener.listen()
        self.addCleanup(listener.close)
        self.logins = []

        def serve():
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                self.logins.append(self.login(connection, program))
                connection.close()

        threading.Thread(target=serve, daemon=True).start()

    def login(self, connection, program):
        """As systemd starts it with Accept=yes: the connection is descriptor 3."""
        script = f'exec 3<&{connection.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"'
        p = subprocess.Popen(["bash", "-c", script, TKD_CONSOLE, *program], pass_fds=[connection.fileno()],
                             stdin=subprocess.DEVNULL, stderr=self.machine.stderr_file)
        self.addCleanup(self.reap_login, p)
        return p

    @staticmethod
    def reap_login(p):
        p.kill()
        p.wait()

    def boot(self, *program):
        self.listen(*program)
        self.tkctl("boot", VERSION)

    def wait_logins_end(self):
        wait("tkd-console ends", lambda: self.logins and all(p.poll() is not None for p in self.logins))
        self.assertEqual([p.returncode for p in self.logins], [0] * len(self.logins))

    def type(self, text):
        """What the twin shows after it was ready and this was typed by a program; the end of it is Ctrl-D."""
        p = self.spawn("console", stdin=subprocess.PIPE)
        self.assertEqual(p.stdout.readline(), "ready\n")
        out, err = p.communicate(text, timeout=harness.TIMEOUT)
        self.assertEqual((p.returncode, err), (0, ""))
        self.wait_logins_end()
        return out.replace("\r", "")


class Terminal:
    """tkctl console on a terminal."""

    def __init__(self, test, rows=30, columns=100):
        self.test = test
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (rows, columns))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.p = subprocess.Popen(test.arguments("console"), stdin=slave, stdout=slave, stderr=slave,
                                  start_new_session=True, env=dict(os.environ, TERM="vt220"))
        self.text = ""
        test.addCleanup(self.close)

    def close(self):
        test_tkctl.TestCase.reap(self.p)
        os.close(self.master)
        os.close(self.slave)

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            self.text += os.read(self.master, 4096).decode()
        return self.text

    def wait(self, text):
        wait(text, lambda: text in self.read())

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        wait("tkctl ends", lambda: self.read() and self.p.poll() is not None)
        self.test.assertEqual(termios.tcgetattr(self.slave), self.before)
        return self.p.returncode


class Console(TestCase):
    def test_typed_by_a_program(self):
        self.boot("sh", "-c", "stty -echo; echo ready; cat; echo bye")
        self.assertEqual(self.type("one\ntwo\n"), "one\ntwo\nbye\n")

    def test_much_in_both_directions(self):
        self.boot("sh", "-c", "stty raw -echo; echo ready; head -c 200000 | tr a-y b-z")
        self.assertEqual(self.type("a" * 200000), "b" * 200000)

    def test_terminal(self):
        self.boot("sh")
        t = Terminal(self)
        t.wait("Connected to the twin")
        t.type("stty size; echo $TERM-$((1+1)); tty\n")
        t.wait("30 100\r\nvt220-2\r\n/dev/pts/")
        termios.tcsetwinsize(t.slave, (50, 120))
        t.p.send_signal(28)     # SIGWINCH, which the kernel sends to who has the terminal for its own
        wait("the new size", lambda: t.type("stty size\n") or "50 120" in t.read())
        t.type("exit\n")
        self.assertEqual(t.end(), 0)
        self.assertIn("closed the connection", t.read())
        self.wait_logins_end()

    def test_detach(self):
        self.boot("sh", "-c", "trap 'echo gone >\"$0\"; exit' HUP; echo ready; while :; do sleep 0.1; done",
                  self.machine.dir + "/gone")
        t = Terminal(self)
        t.wait("ready")
        t.type("\x1d\x1d\x1d")
        self.assertEqual(t.end(), 0)
        self.assertIn("Detached", t.read())
        wait("the hang-up", lambda: os.path.exists(self.machine.dir + "/gone"))
        self.wait_logins_end()

    def test_interrupt_goes_to_the_twin(self):
        self.boot("sh", "-c", "trap 'echo caught' INT; echo ready; while :; do sleep 0.1; done")
        t = Terminal(self)
        t.wait("ready")
        t.type("\x03")
        t.wait("caught")
        t.type("\x1d\x1d\x1d")
        self.assertEqual(t.end(), 0)

    def test_two_at_once(self):
        self.boot("sh")
        a, b = Terminal(self), Terminal(self)
        for t in (a, b):
            t.wait("Connected")
            t.type("echo $((20+3))\n")
        for t in (a, b):
            t.wait("23")
            t.type("exit\n")
            self.assertEqual(t.end(), 0)

    def test_program_that_hangs_its_terminal_up(self):
        """As login does, which opens it again."""
        hang_up = ("import os, time, signal\n"
                   "print('ready', flush=True)\n"
                   "tty = os.ttyname(0)\n"
                   "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
                   "[os.close(i) for i in range(3)]\n"
                   "time.sleep(0.3)\n"
                   "os.open(tty, os.O_RDWR); os.dup(0); os.dup(0)\n"
                   "print('again', flush=True)\n")
        self.boot("python3", "-c", hang_up)
        self.assertEqual(self.type("").replace("^D\b\b", ""), "again\n")

    def test_twin_dies(self):
        self.boot("sh")
        t = Terminal(self)
        t.wait("Connected")
        time.sleep(0.2)
        self.machine.twin_event("panicked")
        self.assertEqual(t.end(), test_tkctl.EXIT["failed"])
        self.assertIn('its state is "panicked"', t.read())
        self.assert_refused("console", text=["panicked", "tkctl log"], code="failed")

    def test_no_twin(self):
        self.assert_refused("console", text=["no twin", '"tkctl boot VERSION"'])

    def test_twin_without_logins(self):
        self.tkctl("boot", VERSION)
        self.assert_refused("console", text=["takes no logins"], code="failed")
        self.assertEqual(self.machine.get(MANAGER, "TwinState"), "alive")

    def test_mistakes(self):
        self.assert_refused("console", "--json", text=["--json"], code="usage")
        p = subprocess.run([TKD_CONSOLE, "sh"], capture_output=True, text=True, check=False)
        self.assertEqual(p.returncode, 1)
        self.assertIn("started by its socket", p.stderr)

    def test_nonsense_is_refused(self):
        ours, theirs = socket.socketpair()
        p = self.login(theirs, ["sh"])
        theirs.close()
        ours.send(b"t\0\xff\xff")
        wait("tkd-console ends", lambda: p.poll() is not None)
        self.assertEqual(p.returncode, 1)
        ours.close()


if __name__ == "__main__":
    harness.main()
