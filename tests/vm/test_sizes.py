# SPDX-License-Identifier: GPL-2.0-only
"""Machines of other sizes: after an upgrade all memory and all CPUs are there, as
after a cold boot of the same kernel."""

import re
import unittest

from fidelity import MEMORY_SHARE
from server import SERIES, Server, kernel, release
from vm import Machine, build

TWIN_APPEND = "twin_uart=0x2f8"
# A machine of 2 GB cannot spare the default.
SMALL = "[Daemon]\\nTwinMemory=512M\\nCheckpointMemory=256M\\n"


def mem_total(agent):
    """kB."""
    return int(re.search(r"MemTotal:\s*(\d+)", agent.output("cat /proc/meminfo"))[1])


def cold_memory(series, **machine):
    """MemTotal of a cold boot; what is booted beside the kernel makes no difference."""
    with Machine(kernel(series) / "bzImage", initrd=build("rootfs-builder/twin-image"), append=TWIN_APPEND, **machine) as m:
        m.wait_booted(m.twin)
        return mem_total(m.twin)


class Sizes(unittest.TestCase):
    def run_machine(self, *upgrades, cpus, memory):
        """Boots a machine into the first series, then upgrades it to each of `upgrades`."""
        cold = {series: cold_memory(series, cpus=cpus, memory=memory) for series in upgrades}
        m = self.enterContext(Server(SERIES[0], cpus=cpus, memory=memory))
        m.server.run(f"systemctl start tkd; printf '{SMALL}' >/etc/tkd/tkd.conf.d/70-small.conf")
        for series in upgrades:
            m.upgrade(release(series))
            m.wait_taken_over()
            m.twin_is_server()
            self.assertEqual(m.server.output("cat /sys/devices/system/cpu/online"), f"0-{cpus - 1}")
            self.check_hotplug(m.server, cpus - 1)
            self.check_memory(mem_total(m.server), cold[series])

    def check_hotplug(self, agent, cpu):
        """A CPU goes and comes as on any machine."""
        agent.run(f"cd /sys/devices/system/cpu/cpu{cpu}; for i in 1 2; do echo 0 >online; echo 1 >online; done; taskset -c {cpu} true")

    def check_memory(self, now, cold):
        print(f"\n    MemTotal {now} kB, cold boot {cold} kB, {100 * (now - cold) / cold:+.2f} %", flush=True)
        self.assertLess(abs(now - cold), MEMORY_SHARE * cold)

    def test_2_cpus_2G(self):
        """The second upgrade must take the boot processor."""
        self.run_machine(SERIES[1], SERIES[0], cpus=2, memory="2G")

    def test_16_cpus_16G(self):
        self.run_machine(SERIES[1], cpus=16, memory="16G")
