# SPDX-License-Identifier: GPL-2.0-only
"""A machine under QEMU: q35 with the server's disk, a NIC and three UARTs.

ttyS0 is the console; ttyS1 and ttyS2 are for the agents of the running kernel
and of its twin, which change places with each upgrade. The disk is written to a private snapshot, so no test sees another's
files. TKD_TEST_ACCEL=kvm uses KVM; the default is TCG. With TKD_TEST_LOGS=DIR
what the UARTs printed is kept in a directory below DIR for each machine.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from agent import Agent, AgentTimeout

TOP = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("TKD_CACHE") or "/var/cache/tkd")
LOGS = os.environ.get("TKD_TEST_LOGS")
CONSOLE, TWIN, SERVER = "console", "twin", "server"
PR_SET_PDEATHSIG = 1
BOOT_TIMEOUT = 240


class MachineDied(Exception):
    """QEMU ended, or the machine did not come up."""


def build(script, *args):
    """Run a build script of the tree; the last line of its output."""
    r = subprocess.run([str(TOP / script), *args], stdout=subprocess.PIPE, check=True, text=True)
    return Path(r.stdout.strip().splitlines()[-1])


def accel():
    name = os.environ.get("TKD_TEST_ACCEL") or "tcg"
    return {"tcg": "tcg,thread=multi"}.get(name, name)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Qmp:
    """A client of QEMU's machine protocol."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(30)
        self._socket.connect(path)
        self._file = self._socket.makefile("rw")
        self._file.readline()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        self._file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self._file.flush()
        while True:
            answer = json.loads(self._file.readline())
            if "error" in answer:
                raise RuntimeError(answer["error"]["desc"])
            if "return" in answer:
                return answer["return"]

    def wait_event(self, name):
        """The data of the next event of this name; others are passed over."""
        while line := self._file.readline():
            answer = json.loads(line)
            if answer.get("event") == name:
                return answer.get("data")
        raise MachineDied(f"QEMU ended without {name}")

    def close(self):
        self._file.close()
        self._socket.close()


class Machine:
    """One virtual machine; use it in a `with` statement."""

    def __init__(self, kernel, disk=None, initrd=None, cpus=4, memory="4G", append="", devices=()):
        self.kernel, self.disk, self.initrd = Path(kernel), disk, initrd
        self.cpus, self.memory, self.append, self.devices = cpus, memory, append, devices
        self.lines = [SERVER, TWIN]             # of the running kernel, of its twin
        self.redis_port = free_port()
        self.dir = Path(tempfile.mkdtemp(prefix="tkd-vm-"))
        self.keep_logs = LOGS and Path(LOGS, f"{self.kernel.parent.name}-{self.dir.name}")
        self._process = None
        self._agents = {}
        self._qmp = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc):
        self.stop()

    def _path(self, name):
        return str(self.dir / name)

    def _arguments(self):
        a = ["qemu-system-x86_64", "-machine", "q35", "-accel", accel(), "-nodefaults", "-no-reboot", "-display", "none",
             "-cpu", "host" if accel() == "kvm" else "max", "-smp", str(self.cpus), "-m", self.memory,
             "-qmp", f"unix:{self._path('qmp')},server=on,wait=off",
             "-kernel", str(self.kernel), "-append", f"console=ttyS0,115200 root=/dev/vda rw panic=-1 {self.append}"]
        for index, name in enumerate((CONSOLE, TWIN, SERVER)):
            a += ["-chardev", f"socket,id={name},path={self._path(name)},server=on,wait=off,logfile={self._path(name + '.log')}",
                  "-device", f"isa-serial,chardev={name},index={index}"]
        if self.initrd:
            a += ["-initrd", str(self.initrd)]
        if self.disk:
            a += ["-drive", f"if=none,id=disk,file={self.disk},format=raw,snapshot=on,cache=unsafe",
                  "-device", "virtio-blk-pci,drive=disk",
                  "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.redis_port}-:6379",
                  "-device", "virtio-net-pci,netdev=net,romfile=",
                  "-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"]
        return a + list(self.devices)

    def start(self):
        env = dict(os.environ, TMPDIR=str(self.dir))
        with open(self._path("qemu.log"), "wb") as log:
            self._process = subprocess.Popen(self._arguments(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             env=env, preexec_fn=_die_with_parent)
        deadline = time.monotonic() + 30
        while not (os.path.exists(self._path("qmp")) and os.path.exists(self._path(SERVER))):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise MachineDied("QEMU did not start: " + Path(self._path("qemu.log")).read_text())
            time.sleep(0.05)

    def stop(self):
        """End this machine's QEMU and drop its files; keeps the logs in keep_logs when set."""
        for a in self._agents.values():
            a.close()
        if self._qmp:
            self._qmp.close()
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self.keep_logs:
            os.makedirs(self.keep_logs, exist_ok=True)
            for log in self.dir.glob("*.log"):
                shutil.copy(log, self.keep_logs)
        shutil.rmtree(self.dir, ignore_errors=True)

    @property
    def qmp(self):
        self._qmp = self._qmp or Qmp(self._path("qmp"))
        return self._qmp

    def agent(self, name):
        if name not in self._agents:
            self._agents[name] = Agent(self._path(name))
        return self._agents[name]

    @property
    def server(self):
        """The agent of the running kernel, the old one of an upgrade."""
        return self.agent(self.lines[0])

    @property
    def twin(self):
        """The agent in the twin's root in RAM."""
        return self.agent(self.lines[1])

    def twin_is_server(self):
        """The twin owns the machine and is the old kernel of the next upgrade."""
        self.lines.reverse()

    def log(self, name):
        """All that a UART has printed so far."""
        return Path(self._path(name + ".log")).read_text(errors="replace")

    def running(self):
        return self._process.poll() is None

    def wait_booted(self, agent=None, timeout=BOOT_TIMEOUT):
        """Wait until systemd has started what it had to start."""
        agent = agent or self.server
        deadline = time.monotonic() + timeout
        while True:
            if not self.running():
                raise MachineDied("the machine went down:\n" + self.log(CONSOLE)[-2000:])
            try:
                agent.wait(5)
                break
            except AgentTimeout:
                if time.monotonic() > deadline:
                    raise MachineDied("no agent answers:\n" + self.log(CONSOLE)[-2000:]) from None
        agent.run("systemctl is-system-running --wait", timeout=timeout, check=False)
