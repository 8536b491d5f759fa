# SPDX-License-Identifier: GPL-2.0-only
"""A private bus with a systemd on it, and tkd-fake on a machine made of files.

Each test gets a fresh Machine: a root directory with configuration, kernels
and CPUs, and a directory for the fakes (see fake.h). Calls go through
dbus-python; signals are collected while wait() turns the main loop.
"""
import glob
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

import dbus
import dbus.bus
import dbus.mainloop.glib
from gi.repository import GLib

NAME = "org.twinkernel.tkd1"
PATH = "/org/twinkernel/tkd1"
MANAGER = NAME + ".Manager"
JOB = NAME + ".Job"
ERROR = NAME + ".Error."
PROPERTIES = "org.freedesktop.DBus.Properties"

SOURCE = os.environ["TKD_SOURCE"]
TKD_FAKE = os.environ["TKD_FAKE"]
STEPS = ["reserve", "load", "boot", "checkpoint", "migrate", "commit", "offline"]
VERSION = "7.2.13-tk"
TIMEOUT = 60

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={dir}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root">
    <allow own="org.freedesktop.systemd1"/>
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.systemd1"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
  </policy>
  <include>{source}/policy/org.twinkernel.tkd1.conf</include>
</busconfig>
"""


def wait(what, predicate, timeout=TIMEOUT):
    """Turns the main loop until the predicate returns something true; returns that."""
    end = time.monotonic() + timeout
    context = GLib.MainContext.default()
    while True:
        while context.iteration(False):
            pass
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out: {what}")
        time.sleep(0.01)


def alive(pid):
    """Whether a process that is nobody's child here still runs."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Bus:
    """A dbus-daemon of its own, with the policy that is installed."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="tkd-bus-")
        os.chmod(self.dir, 0o755)
        config = os.path.join(self.dir, "bus.conf")
        with open(config, "w") as f:
            f.write(BUS_CONFIG.format(dir=self.dir, source=SOURCE))
        self.process = subprocess.Popen(
            ["dbus-daemon", "--nofork", "--nopidfile", "--print-address=1", "--config-file", config],
            stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        self.connection = dbus.bus.BusConnection(self.address)
        self.mocks = []

    def environment(self):
        return dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=self.address)

    def owner(self):
        """Who has the name of tkd, or None."""
        try:
            return str(self.connection.get_name_owner(NAME))
        except dbus.DBusException:
            return None

    def mock(self, name, path, interface):
        """Starts a python-dbusmock object; returns its control interface and its process."""
        process = subprocess.Popen(["python3", "-m", "dbusmock", "--system", name, path, interface],
                                   env=self.environment(), stdout=subprocess.DEVNULL)
        self.mocks.append(process)
        wait(name, lambda: self.connection.name_has_owner(name))
        return dbus.Interface(self.connection.get_object(name, path), "org.freedesktop.DBus.Mock"), process

    def end_mock(self, process):
        self.mocks.remove(process)
        process.kill()
        process.wait()

    def close(self):
        self.connection.close()
        for process in self.mocks + [self.process]:
            process.kill()
            process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.dir)


class Systemd:
    """The part of systemd's interface that tkd asks."""

    NAME = "org.freedesktop.systemd1"
    PATH = "/org/freedesktop/systemd1"

    def __init__(self, bus):
        self.control, self.process = bus.mock(self.NAME, self.PATH, self.NAME + ".Manager")
        self.known = set()
        self.set_units({})

    def set_units(self, units):
        """units: name -> path of its cgroup."""
        rows = []
        for name, cgroup in units.items():
            path = self.PATH + "/unit/" + "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in name)
            if path not in self.known:
                interface = self.NAME + (".Scope" if name.endswith(".scope") else ".Service")
                self.control.AddObject(path, interface, {"ControlGroup": cgroup}, dbus.Array([], "(ssss)"))
                self.known.add(path)
            sub = "exited" if name.startswith("oneshot") else "running"
            rows.append(f"('{name}', '{name}', 'loaded', 'active', '{sub}', '', dbus.ObjectPath('{path}'), "
                        "dbus.UInt32(0), '', dbus.ObjectPath('/'))")
        self.control.AddMethod("", "ListUnitsByPatterns", "asas", "a(ssssssouso)",
                               "ret = dbus.Array([" + ", ".join(rows) + "], signature='(ssssssouso)')")


def make_image(path, release=VERSION, twin=True, linux=True, truncated=False, payload=b"\x28\xb5\x2f\xfd",
               five_level=True):
    """Writes a file with the boot header of a kernel."""
    h = bytearray(8192)
    h[0x1f1] = 3                                    # setup sectors: payload at 4 * 512
    struct.pack_into("<I", h, 0x1f4, 256)           # 4 KiB of 16 byte units
    struct.pack_into("<H", h, 0x1fe, 0xaa55)
    h[0x202:0x206] = b"HdrS" if linux else b"none"
    struct.pack_into("<H", h, 0x206, 0x20f)
    struct.pack_into("<H", h, 0x20e, 0x300)
    h[0x500:0x500 + len(release) + 6] = release.encode() + b" (x) #"
    struct.pack_into("<H", h, 0x236, 1 | (0x8000 if twin else 0) | (0x40 if five_level else 0))
    struct.pack_into("<II", h, 0x248, 0x100, 64)
    struct.pack_into("<I", h, 0x260, 32 << 20)
    h[0x900:0x900 + len(payload)] = payload
    with open(path, "wb") as f:
        f.write(h[:3000] if truncated else h)


class Machine:
    """A root directory, the fakes' directory, and the daemons that run on them."""

    APP = "app.service"

    def __init__(self, bus, systemd):
        self.bus = bus
        self.dir = tempfile.mkdtemp(prefix="tkd-machine-")
        os.chmod(self.dir, 0o755)
        self.root = os.path.join(self.dir, "root")
        self.fake = os.path.join(self.dir, "fake")
        self.app = subprocess.Popen(["sleep", "infinity"])
        self.process = None
        self.closed = False
        self.stderr_file = open(self.dir + "/stderr", "a")
        self.notifications = []
        self.signals = []
        self.make_root()
        self.make_fake()
        systemd.set_units({self.APP: "/system.slice/app.service", "other.service": "/system.slice/other.service",
                           "oneshot.service": "", "tkd.service": "/system.slice/tkd.service"})
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(os.path.join(self.dir, "notify"))
        self.watch = GLib.io_add_watch(self.notify.fileno(), GLib.PRIORITY_HIGH, GLib.IO_IN, self.on_notify)
        self.match = bus.connection.add_signal_receiver(
            self.on_signal, bus_name=None, path_keyword="path", interface_keyword="interface",
            member_keyword="member")

    def write(self, path, text):
        path = self.root + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)

    def make_root(self):
        for name in ("tkd.conf", "policy.json"):
            with open(f"{SOURCE}/policy/{name}") as f:
                self.write("/usr/lib/tkd/" + name, f.read())
        self.write("/etc/tkd/policy.json", json.dumps({"version": 1, "units": [
            {"match": self.APP, "action": "migrate", "carry": ["/etc/app"]}, {"match": "*", "action": "stop"}]}))
        self.configure(TwinMemory="128M", CheckpointMemory="64M")
        self.write("/sys/devices/system/cpu/online", "0-3\n")
        self.write("/proc/cmdline", "root=/dev/fake\n")
        self.write("/sys/fs/cgroup/system.slice/app.service/cgroup.procs", f"{self.app.pid}\n")
        os.makedirs(self.root + "/var/lib")
        os.makedirs(self.root + "/boot")
        make_image(f"{self.root}/boot/vmlinuz-{VERSION}")
        self.write(f"/boot/twin-{VERSION}.img", "070701" + "0" * 1000)

    def configure(self, **keys):
        self.write("/etc/tkd/tkd.conf.d/test.conf",
                   "[Daemon]\n" + "".join(f"{k}={v}\n" for k, v in keys.items()))

    def make_fake(self):
        for d in ("", "/events", "/units", "/twin-root/var/lib"):
            os.makedirs(self.fake + d)
        with open(self.fake + "/twin", "wb") as f:
            info = bytearray(8192)
            struct.pack_into("<I", info, 0, 2)                      # abi
            struct.pack_into("<QQQ", info, 48, 128 << 20, 0, 1000000)   # block size, heartbeats, kHz of the TSC
            f.write(info)
        with open(f"{self.fake}/units/{self.APP}", "w") as f:
            f.write("old")

    def fault(self, *lines):
        with open(self.fake + "/faults", "w") as f:
            f.write("".join(line + "\n" for line in lines))

    def log(self):
        try:
            with open(self.fake + "/log") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def app_state(self):
        with open(f"{self.fake}/units/{self.APP}") as f:
            return f.read()

    def poke(self, offset, value):
        """Changes a word of the machine."""
        with open(self.fake + "/twin", "r+b") as f:
            f.seek(offset)
            f.write(struct.pack("<I", value))

    def twin_event(self, state):
        """The twin comes to a state by itself, and all that watch it hear of it."""
        number = TWIN_STATES.index(state)
        self.poke(8, number)
        for path in glob.glob(self.fake + "/events/*"):
            try:
                fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:         # nobody has it open any more
                continue
            os.write(fd, struct.pack("<IIQ", number, 0, 1))
            os.close(fd)

    def set_commit(self, value):
        self.poke(12, value)

    def twin_pid(self):
        with open(self.fake + "/twin", "rb") as f:
            return struct.unpack_from("<i", f.read(), TWIN_INFO_SIZE)[0]

    def start(self, wait_ready=True, binary=TKD_FAKE):
        self.notifications.clear()
        self.process = subprocess.Popen(
            [binary, "--root=" + self.root],
            env=dict(self.bus.environment(), TKD_FAKE_DIR=self.fake, NOTIFY_SOCKET=self.dir + "/notify",
                     TKD_LOG_LEVEL="debug"),
            stderr=self.stderr_file)
        if wait_ready:
            wait("tkd is ready", lambda: self.ended() or "READY=1" in self.notifications)
            assert not self.ended(), self.stderr()
        return self

    def ended(self):
        return self.process.poll() is not None

    def stderr(self):
        with open(self.dir + "/stderr") as f:
            return f.read()

    def on_notify(self, fd, condition):
        self.notifications += self.notify.recv(4096).decode().splitlines()
        return True

    def stop(self):
        """Ends the daemon as systemd does; its exit status says whether it was clean."""
        if not self.ended():
            self.process.send_signal(signal.SIGTERM)
            wait("tkd ends", self.ended)
        return self.process.returncode

    def end_gently(self, timeout=2):
        """Lets the daemons end by themselves, if they can."""
        for pid in (self.twin_pid(), self.process.pid if self.process and not self.ended() else 0):
            try:
                if pid:
                    os.kill(pid, signal.SIGTERM)
                    wait("end", lambda: self.ended() if self.process.pid == pid else not alive(pid), timeout)
            except (ProcessLookupError, AssertionError):
                pass

    def close(self):
        if self.closed:
            return
        self.closed = True
        try:
            os.kill(self.twin_pid() or 2**22, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if self.process:
            self.process.kill()
            self.process.wait()
        wait("the name is free", lambda: not self.bus.owner())
        self.app.kill()
        self.app.wait()
        self.match.remove()
        GLib.source_remove(self.watch)
        self.notify.close()
        self.stderr_file.close()
        shutil.rmtree(self.dir)

    def on_signal(self, *args, path=None, interface=None, member=None):
        self.signals.append((path, interface, member, args))

    # calls

    def call(self, interface, member, signature="", *args, path=PATH):
        wait("", lambda: True)                      # nothing may pile up while the call blocks
        return self.bus.connection.call_blocking(NAME, path, interface, member, signature, args, timeout=TIMEOUT)

    def manager(self, member, signature="", *args):
        return self.call(MANAGER, member, signature, *args)

    def get(self, interface, name, path=PATH):
        return self.call(PROPERTIES, "Get", "ss", interface, name, path=path)

    def upgrade(self, version=VERSION, **options):
        """Returns the path of the new job."""
        return str(self.manager("Upgrade", "sa{sv}", version, options)[1])

    def boot(self, version=VERSION, **options):
        return str(self.manager("Boot", "sa{sv}", version, dbus.Dictionary(options, signature="sv"))[1])

    def rollback(self, **options):
        return str(self.manager("Rollback", "a{sv}", dbus.Dictionary(options, signature="sv"))[1])

    def release(self):
        return str(self.manager("Release")[1])

    def check(self, version=VERSION, **options):
        return [tuple(map(str, f)) for f in self.manager("Check", "sa{sv}", version, options)]

    def job(self, path, name):
        return self.get(JOB, name, path)

    def result(self, path):
        return wait(f"result of {path}", lambda: str(self.job(path, "Result")))

    def wait_log(self, line):
        wait(f"{line} in the log", lambda: line in self.log())


TWIN_STATES = ["none", "reserved", "loaded", "booting", "alive", "lost", "panicked", "halted", "refused"]
TWIN_INFO_SIZE = 4 * 4 + 8 * 11 + 4 * 2 + 8 * 4


class TestCase(unittest.TestCase):
    """Has self.machine, not started."""

    @classmethod
    def setUpClass(cls):
        cls.bus = Bus()
        cls.addClassCleanup(cls.bus.close)
        cls.systemd = Systemd(cls.bus)

    def setUp(self):
        self.machine = Machine(self.bus, self.systemd)
        self.addCleanup(self.machine.close)

    def failed(self):
        result = self._outcome.result
        return any(test is self or getattr(test, "test_case", None) is self
                   for test, _ in result.failures + result.errors)

    def tearDown(self):
        if self.failed():
            print("--- backend", *self.machine.log(), "--- daemon", self.machine.stderr(), sep="\n")
        self.assert_sane()

    def assert_sane(self):
        """No sanitizer has found anything in the daemons; leaks are looked for when they end."""
        self.machine.end_gently()
        for word in ("AddressSanitizer", "runtime error:", "LeakSanitizer"):
            self.assertNotIn(word, self.machine.stderr())

    def another_machine(self):
        """A fresh machine, for the next subtest."""
        self.assert_sane()
        self.machine.close()
        self.machine = Machine(self.bus, self.systemd)
        self.addCleanup(self.machine.close)

    def assert_error(self, name, function, *args, text=None):
        with self.assertRaises(dbus.DBusException) as caught:
            function(*args)
        if not name.startswith("org."):
            name = ERROR + name
        self.assertEqual(caught.exception.get_dbus_name(), name, str(caught.exception))
        if text:
            self.assertIn(text, caught.exception.get_dbus_message())
        return caught.exception.get_dbus_message()

    def assert_untouched(self):
        """All is as if no upgrade had been tried."""
        self.assertEqual(self.machine.app_state(), "old")
        self.assertEqual(self.machine.get(MANAGER, "TwinState"), "none")
        self.assertEqual(self.machine.get(MANAGER, "TwinMemory"), 0)
        self.assertEqual(self.machine.get(MANAGER, "TwinCPUs"), "")
        self.assertEqual(self.machine.get(MANAGER, "State"), "idle")


def main():
    unittest.main(verbosity=2)
