# SPDX-License-Identifier: GPL-2.0-only
"""What tkd must refuse: each thing has its own error and one clear line from
tkctl, `check` finds it too, and nothing is touched."""

import json
import unittest

from server import BUS, PATH, Server, release

OLD, NEW = "6.12", "7.2"
REFUSED, DENIED = 3, 4
# Offset in a bzImage of the field whose bit 15 says "can be a twin".
XLOADFLAGS_HIGH = 0x237


class Refusals(unittest.TestCase):
    """Shared by the machines below."""

    def configure(self, path, text):
        """tkd reads its files anew for each check and each upgrade."""
        self.addCleanup(self.agent.run, f"rm {path}")
        self.agent.run(f"cat >{path} <<'END'\n{text}\nEND")

    def assert_refused(self, version, error, *words):
        """By check, which changes nothing, and by upgrade, with the same words."""
        check = self.agent.run(f"tkctl --json check {version}", check=False)
        self.assertEqual(check.status, REFUSED, check.output)
        self.assertIn(error, check.stdout)

        upgrade = self.agent.run(f"tkctl upgrade {version}", check=False, timeout=100)
        self.assertEqual(upgrade.status, REFUSED, upgrade.output)
        line = upgrade.stderr.strip()
        self.assertEqual(line.count("\n"), 0, f"not one line: {line}")
        for word in words:
            self.assertIn(word, line)

        call = self.agent.run(f"busctl call {BUS} {PATH} {BUS}.Manager Upgrade 'sa{{sv}}' {version} 0", check=False)
        self.assertNotEqual(call.status, 0)
        self.assertEqual(self.machine.property("State"), "idle")
        self.assertEqual(self.machine.property("TwinState"), "none")


class BadInput(Refusals):
    @classmethod
    def setUpClass(cls):
        cls.machine = cls.enterClassContext(Server(OLD))
        cls.agent = cls.machine.server
        cls.version = release(NEW)
        cls.agent.run("systemctl start tkd")

    def copy_kernel(self, name, script=""):
        """A second name for the new kernel and its initramfs, changed by a script."""
        self.agent.run(f"cd /boot; cp vmlinuz-{self.version} vmlinuz-{name}; ln -sf twin-{self.version}.img twin-{name}.img; {script}")
        self.addCleanup(self.agent.run, f"rm -f /boot/*-{name} /boot/*-{name}.img")

    def test_unknown_version(self):
        self.assert_refused("9.9.9", "NoSuchVersion", "9.9.9", "tkctl list")

    def test_version_that_is_a_path(self):
        self.assert_refused("../boot/x", "NoSuchVersion", "../boot/x")

    def test_missing_initramfs(self):
        self.agent.run(f"mv /boot/twin-{self.version}.img /boot/away")
        self.addCleanup(self.agent.run, f"mv /boot/away /boot/twin-{self.version}.img")
        self.assert_refused(self.version, "NoInitramfs", f"/boot/twin-{self.version}.img")

    def test_corrupt_initramfs(self):
        self.agent.run(f"mv /boot/twin-{self.version}.img /boot/away; head -c 100000 /dev/urandom >/boot/twin-{self.version}.img")
        self.addCleanup(self.agent.run, f"mv /boot/away /boot/twin-{self.version}.img")
        self.assert_refused(self.version, "BadImage", f"/boot/twin-{self.version}.img")

    def test_corrupt_image(self):
        self.copy_kernel("broken", "head -c 100000 /dev/urandom >vmlinuz-broken")
        self.assert_refused("broken", "BadImage", "/boot/vmlinuz-broken")

    def test_truncated_image(self):
        self.agent.run(f"cp /boot/vmlinuz-{self.version} /boot/away; truncate -s 1M /boot/vmlinuz-{self.version}")
        self.addCleanup(self.agent.run, f"mv /boot/away /boot/vmlinuz-{self.version}")
        self.assert_refused(self.version, "BadImage", f"/boot/vmlinuz-{self.version}")

    def test_kernel_under_another_name(self):
        self.copy_kernel("7.2.99-other")
        self.assert_refused("7.2.99-other", "BadImage", self.version)

    def test_kernel_without_twin_support(self):
        self.agent.run(f"cd /boot; cp vmlinuz-{self.version} away; "
                       f"printf '\\x00' | dd of=vmlinuz-{self.version} bs=1 seek={XLOADFLAGS_HIGH} conv=notrunc")
        self.addCleanup(self.agent.run, f"mv /boot/away /boot/vmlinuz-{self.version}")
        self.assert_refused(self.version, "NoTwinSupport", "twin support")

    def test_too_little_memory(self):
        self.configure("/etc/tkd/tkd.conf.d/90-test.conf", "[Daemon]\nTwinMemory=64G")
        self.assert_refused(self.version, "NotEnoughMemory", "TwinMemory=")

    def test_cpu_that_is_not_there(self):
        self.configure("/etc/tkd/tkd.conf.d/90-test.conf", "[Daemon]\nTwinCPUs=2,77")
        self.assert_refused(self.version, "NotEnoughCPUs", "TwinCPUs=2,77")

    def test_boot_cpu(self):
        self.configure("/etc/tkd/tkd.conf.d/90-test.conf", "[Daemon]\nTwinCPUs=0-1")
        self.assert_refused(self.version, "NotEnoughCPUs", "CPU 0")

    def test_unknown_configuration_key(self):
        self.configure("/etc/tkd/tkd.conf.d/90-test.conf", "[Daemon]\nColour=blue")
        self.assert_refused(self.version, "BadConfig", "/etc/tkd/tkd.conf.d/90-test.conf:2", "Colour")

    def test_unknown_policy_key(self):
        self.configure("/etc/tkd/policy.d/90-test.json",
                       '{ "version": 1, "units": [\n{ "match": "a.service", "action": "migrate", "colour": "blue" } ] }')
        self.assert_refused(self.version, "BadPolicy", "/etc/tkd/policy.d/90-test.json:2", "colour")

    def test_unit_with_its_own_network(self):
        self.configure("/etc/tkd/policy.d/90-test.json",
                       '{ "version": 1, "units": [ { "match": "lonely.service", "action": "migrate" } ] }')
        self.agent.run("systemd-run --unit lonely -p Type=exec -p PrivateNetwork=yes sleep 1000")
        self.addCleanup(self.agent.run, "systemctl stop lonely")
        self.assert_refused(self.version, "BadUnit", "lonely.service", "PrivateNetwork=")

    def test_unknown_option(self):
        r = self.agent.run(f"busctl call {BUS} {PATH} {BUS}.Manager Upgrade 'sa{{sv}}' {self.version} 1 colour s blue", check=False)
        self.assertNotEqual(r.status, 0)
        self.assertIn("colour", r.stderr)

    def test_unknown_mode(self):
        r = self.agent.run(f"tkctl upgrade --mode=magic {self.version}", check=False)
        self.assertEqual(r.status, REFUSED, r.output)
        self.assertIn("magic", r.stderr)

    def test_unauthorised_caller(self):
        """nobody may look, but neither upgrade nor cancel."""
        nobody = "runuser -u nobody -- "
        self.agent.run(nobody + "tkctl status")
        self.agent.run(nobody + f"tkctl check {self.version}")
        for command in (f"upgrade {self.version}", f"boot {self.version}", "release", "console", "log --no-follow"):
            r = self.agent.run(nobody + "tkctl --no-ask-password " + command, check=False)
            self.assertEqual(r.status, DENIED, r.output)
        self.assertEqual(self.machine.property("State"), "idle")

    def test_upgrade_while_one_runs(self):
        self.agent.run(f"tkctl upgrade --no-wait {self.version}")
        r = self.agent.run(f"tkctl upgrade {self.version}", check=False)
        self.assertEqual(r.status, REFUSED, r.output)
        self.assertIn("tkctl cancel", r.stderr)
        self.agent.run("tkctl cancel", timeout=200)
        self.machine.wait_job(self.agent, "cancelled", 200)


class SmallMachine(Refusals):
    """One CPU, and less memory than a twin needs."""

    @classmethod
    def setUpClass(cls):
        cls.machine = cls.enterClassContext(Server(OLD, cpus=1, memory="1G"))
        cls.agent = cls.machine.server
        cls.agent.run("systemctl start tkd")

    def test_both_are_found(self):
        r = self.agent.run(f"tkctl --json check {release(NEW)}", check=False)
        self.assertEqual(r.status, REFUSED)
        errors = {f["id"]: f["text"] for f in json.loads(r.stdout) if f["severity"] == "error"}
        self.assertIn("only 1 is online", errors.get("NotEnoughCPUs", ""))
        self.assertIn("are available", errors.get("NotEnoughMemory", ""))

    def test_upgrade_is_refused(self):
        r = self.agent.run(f"tkctl upgrade {release(NEW)}", check=False)
        self.assertEqual(r.status, REFUSED, r.output)
