# SPDX-License-Identifier: GPL-2.0-only
"""A twin that stays: booted, used by an upgrade, released, found again, dying; and the way back."""
import os
import re
import shutil
import time

import harness
from harness import JOB, MANAGER, VERSION, wait

JOB1 = "/org/twinkernel/tkd1/job/1"
JOB2 = "/org/twinkernel/tkd1/job/2"
OTHER = "7.3-tk"
UNAME = os.uname().release


class TestCase(harness.TestCase):
    """The fake twin says that it runs the kernel that the tests run on."""

    def start(self):
        m = self.machine
        harness.make_image(f"{m.root}/boot/vmlinuz-{UNAME}", UNAME)
        m.write(f"/boot/twin-{UNAME}.img", "070701" + "0" * 1000)
        return m.start()

    def boot(self, version=UNAME):
        """A machine with a twin beside it."""
        m = self.start()
        path = m.boot(version)
        self.assertEqual(m.result(path), "done", m.job(path, "Error"))
        return m

    def release(self):
        m = self.machine
        path = m.release()
        self.assertEqual(m.result(path), "done", m.job(path, "Error"))
        self.assert_untouched()
        self.assertEqual(m.twin_pid(), 0)
        return path


class Boot(TestCase):
    def test_twin_stays(self):
        m = self.boot()
        self.assertEqual(m.get(MANAGER, "State"), "idle")
        self.assertEqual(m.get(MANAGER, "TwinState"), "alive")
        self.assertEqual(m.get(MANAGER, "TwinCPUs"), "2-3")
        self.assertEqual(m.get(MANAGER, "TwinMemory"), 256 << 20)
        self.assertEqual(m.get(MANAGER, "TwinKernel"), UNAME)
        self.assertEqual(m.get(MANAGER, "TwinError"), "")
        self.assertLess(abs(m.get(MANAGER, "TwinSince") / 1e6 - time.time()), 600)
        self.assertEqual([m.job(JOB1, p) for p in ("Kind", "Version", "From", "State", "Progress")],
                         ["boot", UNAME, UNAME, "done", 100])
        self.assertEqual(m.app_state(), "old")
        events = [str(e[0]) for e in m.job(JOB1, "Ledger")]
        self.assertIn("boot-end", events)
        self.assertNotIn("checkpoint-begin", events)

    def test_progress_fills_the_bar(self):
        m = self.boot()
        progress = [int(s[3][1]["Progress"]) for s in m.signals
                    if s[2] == "PropertiesChanged" and s[3][0] == JOB and "Progress" in s[3][1]]
        self.assertEqual(progress, sorted(progress))
        self.assertEqual(progress[-1], 100)

    def test_boot_fails(self):
        m = self.start()
        for call, error in (("twin.reserve:errno 12", "NotEnoughMemory"), ("twin.load:errno 5", "BadImage"),
                            ("twin.boot:errno 5", "TwinFailed")):
            with self.subTest(call=call):
                m.fault(call)
                path = m.boot(UNAME)
                self.assertEqual(m.result(path), "failed")
                self.assertEqual(m.job(path, "Error")[0], harness.ERROR + error)
                self.assert_untouched()

    def test_cancel(self):
        m = self.start()
        m.fault("twin.boot:sleep 700")
        path = m.boot(UNAME)
        m.wait_log("twin.boot")
        m.call(JOB, "Cancel", path=path)
        self.assertEqual(m.result(path), "cancelled")
        self.assert_untouched()

    def test_bad_input(self):
        m = self.start()
        self.assert_error("NoSuchVersion", m.boot, "7.9.9", text="7.9.9")
        self.assert_error("UnknownOption", lambda: m.boot(UNAME, mode="twin"), text="mode")
        m.configure(TwinMemory="64T")
        self.assert_error("NotEnoughMemory", m.boot, UNAME)
        self.assertEqual(m.log(), [])

    def test_dry_run(self):
        m = self.start()
        self.assertEqual(m.boot(UNAME, **{"dry-run": True}), "/")
        self.assertEqual(m.log(), [])

    def test_bad_policy_does_not_matter(self):
        m = self.machine
        m.write("/etc/tkd/policy.json", "{")
        self.boot()

    def test_second_twin_is_refused(self):
        m = self.boot()
        self.assert_error("TwinExists", m.boot, UNAME, text=UNAME)
        self.assert_error("TwinExists", m.upgrade, VERSION, text=UNAME)
        self.assertEqual([f[0] for f in m.check(VERSION) if f[1] == "error"], ["TwinExists"])
        self.assertEqual(m.get(MANAGER, "TwinState"), "alive")


class Upgrade(TestCase):
    def test_upgrade_uses_the_twin(self):
        m = self.boot()
        pid, first = m.twin_pid(), self.bus.owner()
        os.unlink(f"{m.root}/boot/vmlinuz-{UNAME}")      # is not needed any more
        plan = [f[2] for f in m.check(UNAME) if f[0] == "Plan"]
        self.assertIn("runs already", plan[0])
        m.upgrade(UNAME)
        wait("the twin owns the name", lambda: self.bus.owner() not in (None, first))
        self.assertEqual(m.twin_pid(), pid)
        self.assertEqual(m.app_state(), "twin")
        self.assertEqual(m.log().count("twin.boot"), 1)
        self.assertEqual([(int(r[0]), str(r[1]), str(r[5])) for r in m.manager("GetHistory")],
                         [(1, "boot", "done"), (2, "upgrade", "done")])

    def test_failed_upgrade_drops_the_twin(self):
        m = self.boot()
        m.fault("criu.restore app.service:errno 5")
        path = m.upgrade(UNAME)
        self.assertEqual(m.result(path), "failed")
        self.assert_untouched()
        self.assert_error("NoTwin", m.release)

    def test_twin_of_another_kernel_than_it_says(self):
        """The version that counts is what the twin's tkd says."""
        m = self.boot(VERSION)
        self.assertEqual(m.get(MANAGER, "TwinKernel"), UNAME)
        path = m.upgrade(VERSION)
        self.assertEqual(m.result(path), "failed")
        self.assertIn(UNAME, m.job(path, "Error")[1])
        self.assert_untouched()

    def test_old_tkd_leaves_and_comes_again(self):
        m = self.boot()
        first = self.bus.owner()
        self.assertEqual(m.stop(), 0)
        m.start()
        self.assertEqual(m.get(MANAGER, "TwinState"), "alive")
        self.assertEqual(m.get(MANAGER, "TwinKernel"), UNAME)
        self.assertLess(abs(m.get(MANAGER, "TwinSince") / 1e6 - time.time()), 600)
        m.upgrade(UNAME)
        wait("the twin owns the machine", lambda: "twin: place.settle" in m.log())
        wait("the twin owns the name", lambda: self.bus.owner() not in (None, first))
        self.assertEqual(m.app_state(), "twin")

    def test_crash_of_tkd_in_an_upgrade_to_a_running_twin(self):
        m = self.boot()
        m.fault("fault.begin checkpoint:crash")
        m.upgrade(UNAME)
        wait("tkd crashes", m.ended)
        m.start()
        self.assertEqual(m.result(JOB2), "failed")
        self.assert_untouched()


class Release(TestCase):
    def test_release(self):
        self.boot()
        path = self.release()
        m = self.machine
        self.assertEqual([m.job(path, p) for p in ("Kind", "Version", "State", "Progress")],
                         ["release", UNAME, "done", 100])
        self.assertIn("releasing", [str(s[3][1]["State"]) for s in m.signals
                                    if s[2] == "PropertiesChanged" and "State" in s[3][1]])

    def test_rounds(self):
        m = self.boot()
        for _ in range(5):
            self.release()
            self.assertEqual(m.result(m.boot(UNAME)), "done")
        self.release()

    def test_no_twin(self):
        m = self.start()
        self.assert_error("NoTwin", m.release)
        self.assertEqual(len(m.manager("ListJobs")), 0)

    def test_refused_during_a_job(self):
        m = self.start()
        m.fault("twin.boot:sleep 700")
        path = m.boot(UNAME)
        self.assert_error("Busy", m.release, text="1")
        self.assertEqual(m.result(path), "done")

    def test_release_of_a_dead_twin(self):
        for state in ("panicked", "lost", "halted"):
            with self.subTest(state=state):
                m = self.boot()
                m.twin_event(state)
                wait(state, lambda: m.get(MANAGER, "TwinState") == state)
                self.release()
                self.another_machine()

    def test_release_is_tried_again(self):
        m = self.boot()
        m.fault("twin.kill:errno 5", "twin.release:errno 16")
        self.release()
        self.assertEqual(m.log().count("twin.release"), 2)

    def test_release_that_never_works_is_told(self):
        m = self.boot()
        m.fault(*["twin.release:errno 5"] * 5)
        path = m.release()
        wait("failed", lambda: str(m.job(path, "Result")), 60)
        self.assertEqual(m.job(path, "Result"), "failed")
        self.assertEqual(m.job(path, "Error")[0], harness.ERROR + "Failed")
        self.assertIn("giving CPUs and memory back failed", m.job(path, "Error")[1])
        self.assertEqual(m.get(MANAGER, "TwinState"), "reserved")
        self.assertEqual(m.result(m.release()), "done")
        self.assert_untouched()

    def test_crash_of_tkd_goes_on(self):
        for step in ("boot", "load", "reserve"):
            with self.subTest(step=step):
                m = self.boot()
                m.fault(f"fault.undone {step}:crash")
                try:
                    m.release()
                except Exception as e:
                    self.assertIn("NoReply", str(e))
                wait("tkd crashes", m.ended)
                m.start()
                self.assertEqual(m.result(JOB2), "done")
                self.assert_untouched()
                self.another_machine()

    def test_no_cancel(self):
        m = self.boot()
        m.fault("twin.kill:sleep 500")
        path = m.release()
        self.assert_error("NotCancellable", lambda: m.call(JOB, "Cancel", path=path), text="release")
        self.assertEqual(m.result(path), "done")

    def test_twin_that_committed_by_itself(self):
        """Nothing can stop it, but this kernel does not park for it either."""
        m = self.boot()
        m.set_commit(1)
        path = m.release()
        wait("failed", lambda: str(m.job(path, "Result")), 60)
        self.assertEqual(m.job(path, "Result"), "failed")
        self.assertIn("committed", m.job(path, "Error")[1])
        self.assertNotIn("twin.park", m.log())


class Death(TestCase):
    def test_twin_dies_while_it_only_runs(self):
        for state in ("panicked", "halted", "lost"):
            with self.subTest(state=state):
                m = self.boot()
                m.twin_event(state)
                wait(state, lambda: m.get(MANAGER, "TwinState") == state)
                self.assertIn("fake twin: up", m.get(MANAGER, "TwinError"))
                wait("its last words", lambda: f"The twin is {state}" in m.stderr())
                self.assertIn("TwinError", {k for s in m.signals if s[2] == "PropertiesChanged" for k in s[3][1]})
                self.assert_error("TwinExists", m.upgrade, UNAME, text=state)
                self.another_machine()

    def test_log_outlives_the_twin(self):
        m = self.boot()
        self.release()
        self.assertEqual(bytes(m.manager("TwinLog", "t", 0)[1]), b"fake twin: booting\nfake twin: up\n")
        following, data = m.manager("TwinLog", "t", 19)
        self.assertEqual((int(following), bytes(data)), (33, b"fake twin: up\n"))
        self.assertEqual(bytes(m.manager("TwinLog", "t", 33)[1]), b"")
        m.fault("twin.load:errno 5")        # no twin, so there is no other log
        m.result(m.boot(UNAME))
        self.assertTrue(bytes(m.manager("TwinLog", "t", 99)[1]).startswith(b"fake twin: booting"))

    def test_dead_twin_is_found_again(self):
        m = self.boot()
        self.assertEqual(m.stop(), 0)
        m.twin_event("panicked")
        m.start()
        self.assertEqual(m.get(MANAGER, "TwinState"), "panicked")
        self.assertIn("fake twin: up", m.get(MANAGER, "TwinError"))
        self.release()

    def test_twin_that_comes_back(self):
        m = self.boot()
        m.twin_event("lost")
        wait("lost", lambda: m.get(MANAGER, "TwinState") == "lost")
        m.twin_event("alive")
        wait("alive", lambda: m.get(MANAGER, "TwinState") == "alive")
        self.assertEqual(m.get(MANAGER, "TwinError"), "")
        m.upgrade(UNAME)
        wait("the twin owns the machine", lambda: "twin: place.settle" in m.log())


class Lending(TestCase):
    """PCI functions go to the twin and come back."""

    A, B = "0000:00:04.0", "0000:00:05.1"

    def calls(self):
        return [line for line in self.machine.log() if re.search(r"twin\.(give|take|accept|return) ", line)]

    def functions(self):
        return [str(f) for f in self.machine.get(MANAGER, "TwinFunctions")]

    def test_there_and_back(self):
        m = self.boot()
        m.manager("Give", "s", self.A)
        m.manager("Give", "s", "00:05.1")
        self.assertEqual(self.functions(), [self.A, self.B])
        m.manager("Take", "s", self.A)
        self.assertEqual(self.functions(), [self.B])
        self.assertEqual(self.calls(), [f"twin.give {self.A}", f"twin: twin.accept {self.A}", f"twin.give {self.B}",
                                        f"twin: twin.accept {self.B}", f"twin: twin.return {self.A}", f"twin.take {self.A}"])
        self.assertEqual(m.get(MANAGER, "State"), "idle")
        self.release()
        self.assertEqual(self.functions(), [])

    def test_refusals(self):
        m = self.start()
        self.assert_error("NoTwin", m.manager, "Give", "s", self.A)
        self.assert_error("NoTwin", m.manager, "Take", "s", self.A)
        m.result(m.boot(UNAME))
        for address in ("", "disk", "0000:00:04.8", "../../04.0"):
            self.assert_error("NoSuchFunction", m.manager, "Give", "s", address, text=f'"{address}"')
        self.assertEqual(self.calls(), [])
        for number, error in ((19, "NoSuchFunction"), (16, "FunctionBusy"), (95, "CannotLend"), (3, "NoTwin"), (5, "Failed")):
            m.fault(f"twin.give {self.A}:errno {number}")
            self.assert_error(error, m.manager, "Give", "s", self.A)
        self.assert_error("NoSuchFunction", m.manager, "Take", "s", self.A, text="not lent")
        self.assertEqual(self.functions(), [])

    def test_root_filesystem_stays(self):
        m = self.boot()
        device = os.stat("/").st_dev
        block = m.root + "/sys/dev/block"
        disk = m.root + f"/sys/devices/pci0000:00/{self.A}/virtio1/block/vda"
        stack = m.root + "/sys/devices/virtual/block/dm-0"
        os.makedirs(block)
        os.makedirs(disk)
        os.makedirs(stack + "/slaves")
        os.symlink(disk, stack + "/slaves/vda")
        for path in (disk, stack):
            os.symlink(path, f"{block}/{os.major(device)}:{os.minor(device)}")
            self.assert_error("FunctionBusy", m.manager, "Give", "s", self.A, text="root filesystem")
            os.unlink(f"{block}/{os.major(device)}:{os.minor(device)}")
        m.manager("Give", "s", self.A)

    def test_twin_does_not_accept(self):
        m = self.boot()
        m.fault(f"twin.accept {self.A}:errno 5")
        self.assert_error("TwinFailed", m.manager, "Give", "s", self.A, text="accept")
        self.assertEqual(self.calls()[-1], f"twin.take {self.A}")
        self.assertEqual(self.functions(), [])
        m.manager("Give", "s", self.A)

    def test_twin_accepts_nothing_and_it_stays_away(self):
        m = self.boot()
        m.fault(f"twin.accept {self.A}:errno 5", f"twin.take {self.A}:errno 5")
        text = self.assert_error("TwinFailed", m.manager, "Give", "s", self.A, text="cannot be had back")
        self.assertIn("Cannot accept", text)

    def test_taken_from_a_dead_twin(self):
        m = self.boot()
        m.manager("Give", "s", self.A)
        m.twin_event("panicked")
        wait("panicked", lambda: m.get(MANAGER, "TwinState") == "panicked")
        self.assert_error("TwinFailed", m.manager, "Give", "s", self.B, text="panicked")
        m.manager("Take", "s", self.A)
        self.assertEqual(self.calls()[-1], f"twin.take {self.A}")
        self.assertNotIn(f"twin: twin.return {self.A}", self.calls())

    def test_found_again_after_a_restart(self):
        m = self.boot()
        m.manager("Give", "s", self.A)
        self.assertEqual(m.stop(), 0)
        m.start()
        self.assertEqual(self.functions(), [self.A])
        m.manager("Take", "s", self.A)

    def test_worker_crashes(self):
        m = self.boot()
        m.fault(f"twin.give {self.A}:crash")
        self.assert_error("Failed", m.manager, "Give", "s", self.A, text="SIGKILL")
        m.manager("Give", "s", self.A)

    def test_one_thing_at_a_time(self):
        m = self.boot()
        m.fault(f"twin.give {self.A}:sleep 500")
        answers = []
        m.bus.connection.call_async(harness.NAME, harness.PATH, MANAGER, "Give", "s", (self.A,),
                                    lambda: answers.append("done"), answers.append)
        m.wait_log(f"twin.give {self.A}")
        self.assert_error("Busy", m.manager, "Give", "s", self.B)
        self.assert_error("Busy", m.release)
        self.assert_error("Busy", m.upgrade, UNAME)
        wait("the answer", lambda: answers)
        self.assertEqual(answers, ["done"])
        self.assertEqual(self.functions(), [self.A])


class Rollback(TestCase):
    def test_no_kernel_before(self):
        m = self.start()
        self.assert_error("NoKernelBefore", m.rollback, text=UNAME)

    def test_history_of_the_disk_is_not_enough(self):
        """A kernel that was booted has none before it, even if it was upgraded to in an earlier boot."""
        m = self.machine
        self.given_upgrade(m.root)
        self.start()
        self.assert_error("NoKernelBefore", m.rollback, text=UNAME)

    def given_upgrade(self, root):
        import test_restart
        os.makedirs(root + "/var/lib/tkd", exist_ok=True)
        job = {"id": 1, "kind": "upgrade", "version": UNAME, "from": OTHER, "mode": "twin", "initiator": "root",
               "state": "done", "result": "done", "committed": True, "started": 1, "finished": 2, "tsc-khz": 1000000,
               "ledger": []}
        with open(root + "/var/lib/tkd/journal", "w") as f:
            f.write(test_restart.record(what="finished", **{"boot-id": "gone"}, job=job))

    def test_rollback_after_an_upgrade(self):
        m = self.start()
        first = self.bus.owner()
        m.upgrade(UNAME)
        wait("the twin owns the name", lambda: self.bus.owner() not in (None, first))
        for directory in ("boot", "etc", "proc", "sys"):
            shutil.copytree(f"{m.root}/{directory}", f"{m.fake}/twin-root/{directory}")
        # all kernels of this machine have one version
        self.assertEqual(m.rollback(**{"dry-run": True}), "/")
        self.assertEqual(m.job(JOB1, "From"), UNAME)
        os.unlink(f"{m.fake}/twin-root/boot/vmlinuz-{UNAME}")
        self.assert_error("NoSuchVersion", m.rollback, text=UNAME)


if __name__ == "__main__":
    harness.main()
