# SPDX-License-Identifier: GPL-2.0-only
"""A twin that stays beside the old kernel: both are used, it dies, tkd is
restarted, it goes; what it had comes back, every time. Then it is upgraded to."""

import os
import unittest
from dataclasses import dataclass

from server import Server, facts, release

OLD, NEW = "6.12", "7.2"
BOOT_TIMEOUT = 300
RELEASE_TIMEOUT = 120
ROUNDS = int(os.environ.get("TKD_TEST_ROUNDS", 3))
ERROR = "org.twinkernel.tkd1.Error."


@dataclass
class Inventory:
    """What the old kernel has of the machine."""

    memory: int
    cpus: str
    iomem: str


class Boot(unittest.TestCase):
    """All on one machine, one after the other; the last one goes to the other kernel."""

    @classmethod
    def setUpClass(cls):
        cls.machine = m = cls.enterClassContext(Server(OLD))
        m.load()
        m.server.run("systemctl start tkd")
        # What comes back is not where it was: ranges are compared from the first return on, the total with the boot.
        cls.first = cls.inventory()
        cls.server = m.server
        cls.boot()
        cls.drop()
        cls.before = cls.inventory()

    @classmethod
    def inventory(cls):
        agent = cls.machine.server
        return Inventory(memory=int(agent.output("awk '/MemTotal/ { print $2 }' /proc/meminfo")),
                         cpus=agent.output("cat /sys/devices/system/cpu/online"),
                         iomem=cls.merged(agent.output("cat /proc/iomem")))

    @staticmethod
    def merged(iomem):
        """Memory that came back is an entry of its own: neighbours of one name count as one."""
        ranges = []
        for line in iomem.splitlines():
            addresses, name = line.strip().split(" : ", 1)
            ranges.append((name, *(int(a, 16) for a in addresses.split("-"))))
        merged = []
        for name, start, end in sorted(ranges):
            if merged and merged[-1][0] == name and merged[-1][2] + 1 == start:
                start = merged.pop()[1]
            merged.append((name, start, end))
        return "\n".join(f"{start:x}-{end:x} {name}" for name, start, end in merged)

    @classmethod
    def boot(cls):
        return cls.server.output(f"tkctl boot {release(NEW)}", timeout=BOOT_TIMEOUT)

    @classmethod
    def drop(cls):
        cls.server.run("tkctl release", timeout=RELEASE_TIMEOUT)

    def console(self, *commands):
        """What the twin shows when these are typed at its prompt."""
        typed = "".join(f"echo '{c}' >&3; " for c in commands)
        return self.server.output(
            "cd $(mktemp -d); mkfifo keys; tkctl console <keys >screen & exec 3>keys; "
            f"until grep -q '# $' screen; do sleep 0.2; done; {typed} exec 3>&-; wait; cat screen", timeout=90)

    def assert_nothing_lost(self):
        self.assertEqual(self.machine.property("TwinState"), "none")
        self.assertEqual(self.inventory(), self.before)

    def test_first_round_lost_nothing(self):
        self.assertEqual(self.before.cpus, self.first.cpus)
        self.assertEqual(self.before.iomem, self.first.iomem)
        self.assertGreaterEqual(self.before.memory, self.first.memory)

    def test_both_kernels_are_used(self):
        out = self.boot()
        self.assertIn("runs beside this kernel now", out)
        status = self.server.output("tkctl status")
        self.assertIn(f"Twin: alive, Linux {release(NEW)}, CPUs ", status)
        shown = self.console("uname -r", "echo answer-$((40+2))", "tty")
        self.assertIn(release(NEW), shown)
        self.assertIn("answer-42", shown)
        self.assertIn("/dev/pts/", shown)
        self.assertEqual(self.server.output("uname -r"), release(OLD))
        self.assertIn("Linux version " + release(NEW), self.server.output("tkctl log --no-follow"))
        self.assertEqual(self.server.run(f"tkctl upgrade {release(OLD)}", check=False).status, 3)
        self.drop()
        self.assert_nothing_lost()

    def test_tkd_is_restarted(self):
        self.boot()
        since = self.machine.property("TwinSince")
        self.server.run("systemctl restart tkd")
        self.assertEqual(self.machine.property("TwinState"), "alive")
        self.assertEqual(self.machine.property("TwinKernel"), release(NEW))
        self.assertLess(abs(self.machine.property("TwinSince") - since), 2_000_000)
        self.assertIn(release(NEW), self.console("uname -r"))
        self.server.run("kill -KILL $(systemctl show -P MainPID tkd); sleep 3")
        self.assertEqual(self.machine.property("TwinState"), "alive")
        self.drop()
        self.assert_nothing_lost()

    def function(self, driver):
        """Address of the PCI function behind a virtio driver."""
        return self.server.output(f"basename $(dirname $(readlink -f /sys/bus/virtio/drivers/{driver}/virtio*))")

    def test_function_is_lent(self):
        """The random number generator goes to the twin and comes back, once by itself."""
        disk, rng = self.function("virtio_blk"), self.function("virtio_rng")
        read = "timeout 10 head -c 1000 /dev/hwrng | wc -c"
        self.assertEqual(self.server.output(read), "1000")
        self.boot()
        refused = self.server.run(f"tkctl give {disk}", check=False)
        self.assertEqual(refused.status, 3, refused.output)
        self.assertIn("root filesystem", refused.stderr)
        for take in (f"tkctl take {rng}", "tkctl release"):
            self.server.run(f"tkctl give {rng}")
            self.assertIn(f"Lent: {rng}", self.server.output("tkctl status"))
            self.assertIn("\n1000\r", self.console(read))
            self.server.run(take, timeout=RELEASE_TIMEOUT)
            self.assertEqual(self.server.output(read), "1000")
        self.assert_nothing_lost()

    def dies(self, state, *commands):
        self.boot()
        self.console(*commands)
        self.server.run(f"for i in $(seq 30); do tkctl status | grep -q 'Twin: {state}' && exit 0; sleep 1; done; exit 1",
                        timeout=90)
        self.server.run(f"sleep 2; journalctl -b -u tkd | grep -q 'The twin is {state}'")
        return self.server.output("tkctl status")

    def test_twin_panics(self):
        self.assertIn("Kernel panic", self.dies("panicked", "echo c >/proc/sysrq-trigger"))
        self.assertNotEqual(self.server.run("tkctl console </dev/null", check=False).status, 0)
        self.drop()
        self.assert_nothing_lost()

    def test_twin_reboots(self):
        self.dies("halted", "reboot -ff")
        self.drop()
        self.assert_nothing_lost()

    def test_rounds_of_boot_and_release(self):
        self.server.run(f"for i in $(seq {ROUNDS}); do tkctl boot {release(NEW)} && tkctl release || exit 1; done",
                        timeout=ROUNDS * (BOOT_TIMEOUT + RELEASE_TIMEOUT), silence=BOOT_TIMEOUT)
        self.assert_nothing_lost()
        self.assertEqual(facts(self.server).kernel, release(OLD))

    def test_z_upgrade_to_the_twin(self):
        """The last one by its name."""
        before = facts(self.server)
        self.assertIn("no kernel to go back to", self.server.run("tkctl rollback", check=False).stderr)
        self.boot()
        boot_id = "cat /proc/sys/kernel/random/boot_id"
        shown = self.console(boot_id)
        self.machine.upgrade(release(NEW))
        job = self.machine.wait_taken_over()
        self.assertEqual((job["kind"], job["from"]), ("upgrade", release(OLD)))
        self.assertIn(self.machine.twin.output(boot_id), shown)
        self.assertEqual(facts(self.machine.twin).pids, before.pids)
        self.assertNotIn("reserve", [s["name"] for s in job["steps"]])
