# SPDX-License-Identifier: GPL-2.0-only
"""What the other tests rely on: the agent and the images."""

import unittest

from agent import CommandError
from server import SERIES, Server, facts, kernel
from vm import Machine, build


class Agent(unittest.TestCase):
    """The command agent and the server's image, in the first series."""

    @classmethod
    def setUpClass(cls):
        cls.machine = cls.enterClassContext(Server(SERIES[0]))
        cls.agent = cls.machine.server

    def test_status_and_streams(self):
        r = self.agent.run("echo out; echo err >&2; exit 3", check=False)
        self.assertEqual((r.status, r.stdout, r.stderr), (3, "out\n", "err\n"))

    def test_failure_raises(self):
        with self.assertRaises(CommandError):
            self.agent.run("false")

    def test_time_out(self):
        self.assertEqual(self.agent.run("sleep 100", timeout=2, check=False).status, 124)

    def test_long_output(self):
        self.assertEqual(self.agent.output("seq 20000").split()[-1], "20000")

    def test_torn_line(self):
        """Half a frame on the line must not spoil the next one."""
        self.agent._socket.sendall(b"#1 run 10 ZWNo")
        self.assertEqual(self.agent.output("echo fine"), "fine")

    def test_machine_is_well(self):
        self.assertEqual(self.agent.output("systemctl is-system-running"), "running")
        self.assertEqual(facts(self.agent).cpus, "0-3")


class TwinRoot(unittest.TestCase):
    """The twin's root in RAM, booted as an ordinary initramfs without any device."""

    def test_boots_in_512M(self):
        append = "console=ttyS1,115200 twin_uart=0x2f8 pci=off acpi=off"
        for series in SERIES:
            with self.subTest(series), Machine(kernel(series) / "bzImage", initrd=build("rootfs-builder/twin-image"),
                                               cpus=2, memory="512M", append=append) as m:
                m.wait_booted(m.twin)
                self.assertEqual(m.twin.output("systemctl list-units --failed --no-legend"), "")
                self.assertGreater(int(m.twin.output("echo $$")), 2_000_000)
                self.assertEqual(m.twin.output("findmnt -no FSTYPE /"), "overlay")
                m.twin.run("criu check")
