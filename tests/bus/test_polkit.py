# SPDX-License-Identifier: GPL-2.0-only
"""Who may do what: the bus policy, polkit, and what happens without polkitd."""
import subprocess

import dbus

import harness
from harness import JOB, MANAGER, VERSION, wait

NOBODY = "65534"
AUTHORITY = "org.freedesktop.PolicyKit1"


class Unprivileged(harness.TestCase):
    def busctl(self, *args, path=harness.PATH, interface=MANAGER, verb="call", interactive=False):
        """A call as an ordinary user. Returns its exit status and output."""
        command = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "busctl",
                   "--address=" + self.bus.address,
                   "--allow-interactive-authorization=" + ("yes" if interactive else "no"),
                   verb, harness.NAME, path, interface, *args]
        p = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait("busctl", lambda: p.poll() is not None)
        text = p.stdout.read()
        p.stdout.close()
        return p.returncode, text

    def denied(self, text, *args, **kwargs):
        status, output = self.busctl(*args, **kwargs)
        self.assertNotEqual(status, 0, output)
        self.assertIn(text, output)

    def allowed(self, *args, **kwargs):
        status, output = self.busctl(*args, **kwargs)
        self.assertEqual(status, 0, output)
        return output

    def polkit(self, *answer):
        """A polkitd that answers CheckAuthorization with (authorized, challenge)."""
        control, process = self.bus.mock(AUTHORITY, "/org/freedesktop/PolicyKit1/Authority", AUTHORITY + ".Authority")
        self.addCleanup(self.bus.end_mock, process)
        control.AddMethod("", "CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})",
                          f"ret = ({answer[0]}, {answer[1]}, dbus.Dictionary({{}}, signature='ss'))")
        return control

    def asked(self, control):
        """(action, flags) of each question."""
        return [(str(c[2][1]), int(c[2][3])) for c in control.GetCalls() if str(c[1]) == "CheckAuthorization"]

    def test_reading_is_free(self):
        self.machine.start()
        self.assertIn("7.2.13-tk", self.allowed("ListKernels"))
        self.allowed("ListJobs")
        self.allowed("GetHistory")
        self.allowed("Check", "sa{sv}", VERSION, "0")
        self.assertIn('"idle"', self.allowed("State", verb="get-property"))
        self.allowed("GetManagedObjects", interface="org.freedesktop.DBus.ObjectManager")
        self.allowed("Introspect", interface="org.freedesktop.DBus.Introspectable")
        self.allowed("Ping", interface="org.freedesktop.DBus.Peer")

    def test_missing_polkitd_means_no(self):
        m = self.machine.start()
        self.denied("ccess denied", "Upgrade", "sa{sv}", VERSION, "0")
        self.denied("ccess denied", "TwinLog", "t", "0")
        self.assertEqual(m.log(), [])
        self.assertEqual(len(m.manager("ListJobs")), 0)

    def test_polkit_says_no(self):
        m = self.machine.start()
        control = self.polkit(False, False)
        self.denied("ccess denied", "Upgrade", "sa{sv}", VERSION, "0")
        self.denied("ccess denied", "TwinLog", "t", "0")
        self.assertEqual(self.asked(control), [(harness.NAME + ".upgrade", 0), (harness.NAME + ".read-log", 0)])
        self.assertEqual(m.log(), [])

    def test_each_risk_has_an_action(self):
        m = self.machine.start()
        control = self.polkit(False, False)
        for method, args, action in self.ACTIONS:
            self.denied("ccess denied", method, *args)
        self.assertEqual([a for a, _ in self.asked(control)], [harness.NAME + "." + action for _, _, action in self.ACTIONS])
        self.assertEqual(m.log(), [])

    ACTIONS = (
        ("Upgrade", ("sa{sv}", VERSION, "0"), "upgrade"),
        ("Rollback", ("a{sv}", "0"), "rollback"),
        ("Boot", ("sa{sv}", VERSION, "0"), "boot"),
        ("Release", (), "release"),
        ("OpenConsole", (), "console"),
        ("Give", ("s", "0000:00:04.0"), "lend"),
        ("Take", ("s", "0000:00:04.0"), "lend"),
        ("TwinLog", ("t", "0"), "read-log"),
    )

    def test_polkit_wants_a_password(self):
        self.machine.start()
        control = self.polkit(False, True)
        self.denied("nteractive authentication required", "Upgrade", "sa{sv}", VERSION, "0")
        self.denied("ccess denied", "Upgrade", "sa{sv}", VERSION, "0", interactive=True)
        self.assertEqual([flags for _, flags in self.asked(control)], [0, 1])

    def test_polkit_says_yes(self):
        m = self.machine.start()
        self.polkit(True, False)
        m.fault("criu.dump app.service:sleep 2000")
        self.allowed("Upgrade", "sa{sv}", VERSION, "0")
        path = str(m.manager("ListJobs")[0][3])
        self.assertIn("uid 65534", m.job(path, "Initiator"))
        self.allowed("Cancel", path=path, interface=JOB)
        self.assertEqual(m.result(path), "cancelled")
        self.assertIn("uid 65534", m.job(path, "Error")[1])

    def test_cancel_has_an_action_of_its_own(self):
        m = self.machine.start()
        control = self.polkit(False, False)
        m.fault("criu.dump app.service:sleep 1000")
        path = m.upgrade()
        self.denied("ccess denied", "Cancel", path=path, interface=JOB)
        self.assertEqual(self.asked(control), [(harness.NAME + ".cancel", 0)])
        m.call(JOB, "Cancel", path=path)
        m.result(path)

    def test_root_is_not_asked_about(self):
        m = self.machine.start()
        control = self.polkit(False, False)
        m.manager("TwinLog", "t", dbus.UInt64(0))
        self.assertEqual(self.asked(control), [])

    def test_bus_policy_denies_the_rest(self):
        self.machine.start()
        self.denied("ccess denied", "LogLevel", "s", "debug", verb="set-property",
                    path="/org/freedesktop/LogControl1", interface="org.freedesktop.LogControl1")
        self.denied("ccess denied", "Other")
        self.denied("ccess denied", "Upgrade", "sa{sv}", VERSION, "0", interface="org.example.Other")

    def test_the_name_is_roots(self):
        p = subprocess.run(["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "busctl",
                            "--address=" + self.bus.address, "call", "org.freedesktop.DBus", "/",
                            "org.freedesktop.DBus", "RequestName", "su", harness.NAME, "0"],
                           capture_output=True, text=True)
        self.assertNotEqual(p.returncode, 0)
        self.assertIn("ccess denied", p.stderr)
        self.machine.start()


if __name__ == "__main__":
    harness.main()
