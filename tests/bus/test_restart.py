# SPDX-License-Identifier: GPL-2.0-only
"""tkd dies in the middle of a job, at every transition of the state table, and is started again."""
import json
import os
import signal
import subprocess
import zlib

import harness
from harness import MANAGER, JOB, STEPS, VERSION, wait

JOB1 = "/org/twinkernel/tkd1/job/1"


def record(**fields):
    """A line of the journal."""
    text = json.dumps(fields)
    return f"{zlib.crc32(text.encode()):08x} {text}\n"


class Crash(harness.TestCase):
    def crash(self, *faults):
        """An upgrade until the daemon has crashed, then a new daemon."""
        m = self.machine.start()
        m.fault(*faults)
        m.manager("Upgrade", "sa{sv}", VERSION, {}) if "begin reserve" not in faults[0] else self.upgrade_no_answer()
        wait("tkd crashes", m.ended)
        self.assertEqual(m.process.returncode, -signal.SIGKILL)
        return m.start()

    def upgrade_no_answer(self):
        try:
            self.machine.upgrade()
        except Exception as e:
            self.assertIn("NoReply", str(e))

    def assert_ended(self, result, error=None):
        m = self.machine
        wait("the job has ended", lambda: str(m.job(JOB1, "Result")))
        self.assertEqual(m.job(JOB1, "Result"), result, m.job(JOB1, "Error"))
        if error:
            self.assertIn(error, m.job(JOB1, "Error")[1])

    def test_crash_at_each_transition_before_the_commit(self):
        points = [f"{kind} {step}" for step in STEPS[:5] for kind in ("begin", "end")] + ["begin commit"]
        for point in points:
            with self.subTest(point=point):
                self.crash(f"fault.{point}:crash")
                self.assert_ended("failed", "tkd ended while the job was")
                self.assert_untouched()
                self.assertEqual(self.machine.stop(), 0)
                self.machine.start()        # the ended job is still there
                self.assert_ended("failed")
                self.another_machine()

    def test_crash_at_each_transition_of_the_rollback(self):
        for step in ("migrate", "checkpoint", "boot", "load", "reserve"):
            for kind in ("undo", "undone"):
                with self.subTest(step=step, kind=kind):
                    self.crash("criu.restore app.service:errno 5", f"fault.{kind} {step}:crash")
                    self.assert_ended("failed", "restore")
                    self.assert_untouched()
                    self.another_machine()

    def test_crash_after_the_commit_goes_forward(self):
        for point in ("fault.committed commit", "fault.begin offline"):
            with self.subTest(point=point):
                m = self.machine
                self.crash(point + ":crash")
                wait("the twin owns the machine", lambda: "twin: place.settle" in m.log(), 40)
                self.assertEqual(m.app_state(), "twin")
                self.another_machine()

    def test_crash_of_both_while_committing(self):
        """The word was turned, but no daemon of the old kernel heard of it."""
        m = self.machine.start()
        m.fault("twin.committed:sleep 700")
        m.upgrade()
        m.wait_log("twin: twin.committed")
        m.process.kill()
        m.process.wait()
        m.start()
        wait("the twin owns the name", lambda: m.ended() and self.bus.owner())
        self.assertEqual(m.app_state(), "twin")
        self.assertEqual(m.job(JOB1, "Result"), "done")
        self.assertEqual(tuple(map(str, m.job(JOB1, "Error"))), ("", ""))

    def test_crash_is_not_a_twin_for_ever(self):
        """After all of that the next upgrade works."""
        m = self.crash("fault.end boot:crash")
        self.assert_ended("failed")
        m.upgrade()
        wait("the twin owns the machine", lambda: "twin: place.settle" in m.log(), 40)
        self.assertEqual(m.app_state(), "twin")


class Journal(harness.TestCase):
    JOB = {"id": 4, "version": VERSION, "mode": "twin", "initiator": "uid 0 (root)", "state": "booting",
           "step": "boot", "progress": 20, "tsc-khz": 1000000, "started": 1, "finished": 0, "committed": False,
           "ledger": [["boot-begin", "old", 1000]]}

    def path(self):
        return self.machine.root + "/var/lib/tkd/journal"

    def given(self, *lines):
        os.makedirs(os.path.dirname(self.path()))
        with open(self.path(), "w") as f:
            f.write("".join(lines))
        return self.machine.start()

    def jobs(self):
        return [(int(r[0]), str(r[2])) for r in self.machine.manager("ListJobs")]

    def test_ids_go_on(self):
        m = self.machine.start()
        m.fault("twin.load:errno 5", "twin.load:errno 5")
        m.result(m.upgrade())
        self.assertEqual(m.stop(), 0)
        m.start()
        self.assertTrue(m.upgrade().endswith("/job/2"))

    def test_ledger_survives_a_restart(self):
        m = self.machine.start()
        m.fault("criu.dump app.service:errno 5")
        path = m.upgrade()
        m.result(path)
        before = sorted(map(str, m.job(path, "Ledger")))
        self.assertGreater(len(before), 5)
        self.assertEqual(m.stop(), 0)
        m.start()
        self.assertEqual(sorted(map(str, m.job(path, "Ledger"))), before)

    def test_job_of_an_earlier_boot_failed(self):
        m = self.given(record(what="begin", **{"boot-id": "gone"}, job=self.JOB))
        self.assertEqual(self.jobs(), [(4, "failed")])
        self.assertIn("restarted", m.job("/org/twinkernel/tkd1/job/4", "Error")[1])
        self.assertEqual(m.log(), [])

    def test_committed_job_of_an_earlier_boot_is_done(self):
        self.given(record(what="committed", **{"boot-id": "gone"}, job=dict(self.JOB, committed=True)))
        self.assertEqual(self.jobs(), [(4, "done")])

    def test_unfinished_job_without_its_plan(self):
        with open("/proc/sys/kernel/random/boot_id") as f:
            boot = f.read().strip()
        self.given(record(what="begin", **{"boot-id": boot}, job=self.JOB))
        self.assertEqual(self.jobs(), [(4, "failed")])

    def test_torn_end_is_cut_off(self):
        line = record(what="finished", **{"boot-id": "gone"}, job=dict(self.JOB, state="failed", result="failed"))
        m = self.given(line, line.replace('"id": 4', '"id": 5')[:-20])
        self.assertEqual(self.jobs(), [(4, "failed")])
        self.assertIn("cutting off", m.stderr())

    def test_damaged_record_is_left_out(self):
        job = dict(self.JOB, state="failed", result="failed")
        lines = [record(what="finished", **{"boot-id": "gone"}, job=dict(job, id=i)) for i in (1, 2, 3)]
        m = self.given(lines[0], lines[1].replace("twin", "tw1n", 1), lines[2])
        self.assertEqual(self.jobs(), [(1, "failed"), (3, "failed")])
        self.assertIn("damaged record", m.stderr())

    def test_many_jobs_are_packed(self):
        job = dict(self.JOB, state="failed", result="failed")
        self.given(*[record(what="finished", **{"boot-id": "gone"}, job=dict(job, id=i)) for i in range(1, 131)
                     for _ in range(3)])
        self.assertEqual(len(self.jobs()), 130)
        with open(self.path()) as f:
            self.assertEqual(len(f.readlines()), 100)

    def small_disk(self):
        """Puts the journal on a filesystem of 16 KiB."""
        directory = os.path.dirname(self.path())
        os.makedirs(directory)
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", directory])
        if mount.returncode != 0:
            self.skipTest("may not mount here")
        self.addCleanup(subprocess.run, ["umount", "-l", directory], check=True)
        return directory + "/filler"

    def fill(self, path):
        with open(path, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(512))
            except OSError:
                pass

    def test_no_room_for_a_new_job(self):
        filler = self.small_disk()
        m = self.machine.start()
        self.fill(filler)
        self.assert_error("Failed", m.upgrade, text="No space left")
        self.assertEqual(m.log(), [])
        os.unlink(filler)
        m.fault("twin.load:errno 5")
        self.assertEqual(m.result(m.upgrade()), "failed")
        self.assertIn("twin.load", m.log())

    def test_no_room_for_a_transition(self):
        """What cannot be written down does not happen; what was done is undone."""
        filler = self.small_disk()
        m = self.machine.start()
        m.fault("twin.boot:sleep 500")
        path = m.upgrade()
        m.wait_log("twin.boot")
        self.fill(filler)
        self.assertEqual(m.result(path), "failed")
        self.assertIn("journal", m.job(path, "Error")[1])
        self.assertNotIn("fault.begin checkpoint", m.log())
        self.assert_untouched()
        os.unlink(filler)


if __name__ == "__main__":
    harness.main()
