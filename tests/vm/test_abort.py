# SPDX-License-Identifier: GPL-2.0-only
"""Upgrades that end before the commit: redis stays where it was and does not
notice, CPUs and memory come back, the job says what failed."""

import time
import unittest

from agent import AgentTimeout
from server import Server, facts, release

OLD, NEW = "6.12", "7.2"
ERROR = "org.twinkernel.tkd1.Error."
JOB_TIMEOUT = 200


class Abort(unittest.TestCase):
    """All on one machine, one after the other; the last one succeeds there."""

    @classmethod
    def setUpClass(cls):
        cls.machine = m = cls.enterClassContext(Server(OLD))
        m.load()
        m.server.run("systemctl start tkd")
        cls.before = facts(m.server)
        cls.memory = cls.read_memory()

    @classmethod
    def read_memory(cls):
        return int(cls.machine.server.output("awk '/MemTotal/ { print $2 }' /proc/meminfo"))

    def setUp(self):
        self.server = self.machine.server

    def configure(self, path, text):
        """tkd reads its files anew for each upgrade."""
        self.addCleanup(self.server.run, f"rm {path}")
        self.server.run(f"cat >{path} <<'END'\n{text}\nEND")

    def start(self):
        self.server.run(f"tkctl upgrade --no-wait {release(NEW)}")

    def wait_state(self, state):
        """As soon as the job comes to a state; True when it was seen there."""
        return self.server.run(
            f"for i in $(seq 2000); do s=$(busctl get-property org.twinkernel.tkd1 /org/twinkernel/tkd1 "
            f"org.twinkernel.tkd1.Manager State); [ \"$s\" = 's \"{state}\"' ] && exit 0; "
            "[ \"$s\" = 's \"idle\"' ] && exit 1; done; exit 1", timeout=JOB_TIMEOUT, check=False).status == 0

    def assert_untouched(self):
        """Everything is as if there had been no upgrade."""
        after = facts(self.server)
        after.counter = self.before.counter
        self.assertEqual(after, self.before)
        acked = self.machine.writer.acked
        time.sleep(2)
        self.assertGreater(self.machine.writer.acked, acked, "the client cannot write any more")
        # A little more than before: the kernel counts the descriptors of pages that it added itself.
        self.assertLess(abs(self.read_memory() - self.memory), 0.02 * self.memory, "memory was not given back")
        self.assertEqual(self.machine.property("TwinState"), "none")
        self.assertEqual(self.machine.property("State"), "idle")
        self.assertEqual(self.server.output("systemctl is-active redis-server tick tkd"), "active\nactive\nactive")

    def cancel_in(self, state):
        self.start()
        self.wait_state(state)
        self.server.run("tkctl cancel", timeout=JOB_TIMEOUT)
        job = self.machine.wait_job(self.server, "cancelled", JOB_TIMEOUT)
        self.assertEqual(job["error"]["name"], ERROR + "Cancelled")
        self.assert_untouched()

    def assert_failed(self, error, step, *words):
        job = self.machine.wait_job(self.server, "failed", JOB_TIMEOUT)
        self.assertEqual(job["error"]["name"], ERROR + error)
        if step:
            self.assertEqual(job["last_step"], step)
        for word in words:
            self.assertIn(word, job["error"]["text"])
        self.assert_untouched()

    def test_cancel_while_reserving(self):
        self.cancel_in("reserving")

    def test_cancel_while_loading(self):
        self.cancel_in("loading")

    def test_cancel_while_booting(self):
        self.cancel_in("booting")

    def test_cancel_while_checkpointing(self):
        self.cancel_in("checkpointing")

    def test_cancel_while_migrating(self):
        self.cancel_in("migrating")

    def test_twin_panics_while_booting(self):
        self.configure("/etc/tkd/tkd.conf.d/90-test.conf",
                       "[Daemon]\nTwinCommandLine=twin_uart=0x2f8 rdinit=/nonexistent")
        self.start()
        self.assert_failed("TwinFailed", "boot", "panic")

    def test_twin_panics_while_restoring(self):
        self.start()
        self.assertTrue(self.wait_state("checkpointing"))
        with self.assertRaises(AgentTimeout):
            self.machine.twin.run("echo c >/proc/sysrq-trigger", silence=5)
        self.assert_failed("TwinFailed", None, "panic")

    def test_process_that_criu_cannot_dump(self):
        self.configure("/etc/tkd/policy.d/90-test.json",
                       '{ "version": 1, "units": [ { "match": "stubborn.service", "action": "migrate" } ] }')
        self.server.run("systemd-run --unit stubborn -p Type=exec "
                        "bash -c 'exec 3</dev/loop-control; while :; do sleep 1; done'")
        self.addCleanup(self.server.run, "systemctl stop stubborn")
        self.start()
        self.assert_failed("CheckpointFailed", "checkpoint", "stubborn.service")

    def test_z_upgrade_after_all_that(self):
        """The last one by its name."""
        self.machine.upgrade(release(NEW))
        self.machine.wait_taken_over()
        self.assertEqual(facts(self.machine.twin).pids, self.before.pids)
