# SPDX-License-Identifier: GPL-2.0-only
"""The machine of the demo and the tests: Debian 13 with redis, tick and tkd,
both kernels in /boot, and what can be asked of it in either kernel."""

import json
import os
import time
from dataclasses import dataclass
from functools import lru_cache

from agent import AgentTimeout, CommandError
from redis_load import COUNTER, DIGEST_COMMAND, Writer, load_keys
from vm import SERVER, TWIN, Machine, build

BUS, PATH = "org.twinkernel.tkd1", "/org/twinkernel/tkd1"
# TKD_TEST_SERIES and TKD_TEST_VARIANT let other kernels take part; see tests/run.
SERIES = tuple((os.environ.get("TKD_TEST_SERIES") or "6.12 7.2").split())
UPGRADE_TIMEOUT = 400
TAKEOVER_TIMEOUT = 180
# What tells a kernel which line is its own. The image has the first one.
LINES = {TWIN: "twin_uart=0x2f8", SERVER: "twin_uart=0x3e8"}
LINE_FILE = "/etc/tkd/tkd.conf.d/60-line.conf"


@lru_cache
def kernel(series, variant="twin"):
    """Directory of the built kernel."""
    return build("kernel-patches/build", "--variant", os.environ.get("TKD_TEST_VARIANT") or variant, series)


def release(series):
    """`uname -r` of the built kernel."""
    return (kernel(series) / "release").read_text().strip()


@lru_cache
def disk():
    """The disk image, with every kernel in /boot."""
    return build("rootfs-builder/image", *SERIES)


@dataclass
class Facts:
    """What must not change in an upgrade, and what must."""

    kernel: str
    cpus: str
    pids: dict
    keys: int
    digest: str
    counter: int


@dataclass
class Pause:
    """Longest pause that tick saw, nanoseconds; begin and end as nanoseconds of the TSC."""

    length: int
    begin: int
    end: int


def facts(agent):
    """Ask the kernel behind `agent`."""
    return Facts(
        kernel=agent.output("uname -r"),
        cpus=agent.output("cat /sys/devices/system/cpu/online"),
        pids={name: int(agent.output(f"pidof {name}")) for name in ("redis-server", "tick")},
        keys=int(agent.output("redis-cli DBSIZE")),
        digest=agent.output(DIGEST_COMMAND, timeout=120),
        counter=int(agent.output(f"redis-cli GET {COUNTER}") or 0))


def pause(agent):
    """The longest pause of tick since its reset."""
    text = agent.output("rm -f /run/tick/report; kill -USR1 $(pidof tick);"
                        "for i in $(seq 100); do [ -e /run/tick/report ] && break; sleep 0.1; done; cat /run/tick/report")
    _pid, _count, length, begin, end, khz = map(int, text.split())
    return Pause(length, begin * 1_000_000 // khz, end * 1_000_000 // khz)


def reset_pause(agent):
    agent.run("kill -USR2 $(pidof tick)")


class Server(Machine):
    """The machine, booted into one of the series."""

    def __init__(self, series, **kwargs):
        super().__init__(kernel(series) / "bzImage", disk=disk(), **kwargs)
        self.series = series
        self.writer = None

    def start(self):
        super().start()
        self.wait_booted()

    def stop(self):
        if self.writer:
            self.writer.stop()
        super().stop()

    def load(self):
        """Fill redis, then go on writing."""
        load_keys(self.redis_port)
        self.writer = Writer(self.redis_port)
        self.writer.start()

    def upgrade(self, version, **kwargs):
        """`tkctl upgrade` to a version, see hand_over()."""
        return self.hand_over(f"upgrade {version}", **kwargs)

    def hand_over(self, verb, on_output=None, terminal=False):
        """Run a verb of tkctl that ends with the end of the old kernel; what it printed.

        With `terminal` it runs on one, and draws its progress bar. Raises CommandError when it failed. The old kernel may be gone before
        its agent could tell the status: then the twin knows.
        """
        output = []
        self.server.run(f"printf '[Daemon]\\nTwinCommandLine={LINES[self.lines[1]]}\\n' >{LINE_FILE}")
        command = f"tkctl {verb}"
        if terminal:
            command = f"TERM=xterm script -qec '{command}' /dev/null"

        def take(text):
            output.append(text)
            if on_output:
                on_output(text)

        try:
            self.server.run(command, timeout=UPGRADE_TIMEOUT, on_output=take, silence=20)
        except AgentTimeout:
            pass
        return "".join(output)

    def wait_taken_over(self):
        """Wait until the twin's tkd has ended the job; the job."""
        return self.wait_job(self.twin, "done", TAKEOVER_TIMEOUT)

    def job(self, agent):
        """The newest job as tkctl prints it in JSON."""
        return json.loads(agent.output("tkctl --json show", silence=10))

    def try_job(self, agent):
        """The newest job, or None: between the two kernels no tkd has its name, and the
        agent begins anew when its line becomes an ordinary one."""
        try:
            return self.job(agent)
        except (AgentTimeout, CommandError):
            return None

    def wait_job(self, agent, result, timeout):
        """Wait until the newest job has a result, and that it is `result`; the job."""
        job, deadline = None, time.monotonic() + timeout
        while not (job and job["result"]) and time.monotonic() < deadline:
            time.sleep(1)
            job = self.try_job(agent) or job
        if not job or job["result"] != result:
            raise AssertionError(f"the job is not {result}:\n" + agent.run("tkctl show; journalctl -b -u tkd -u tkd-twin -n 50",
                                                                          check=False).output)
        return job

    def property(self, name, agent=None):
        """A property of tkd's manager object."""
        out = (agent or self.server).output(f"busctl --json=short get-property {BUS} {PATH} {BUS}.Manager {name}")
        return json.loads(out)["data"]
