# SPDX-License-Identifier: GPL-2.0-only
"""The show of rootfs-builder/demo: one upgrade in a virtual machine, with proof."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/vm"))

from agent import CommandError  # noqa: E402
from redis_load import KEYS  # noqa: E402
from server import SERIES, Server, facts, pause, release, reset_pause  # noqa: E402

PARTS = ("freeze", "dump", "transfer", "restore", "other")


def title(text):
    print(f"\n== {text}", flush=True)


def write(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def show(agent, command, timeout=60, check=True):
    """Run a command as a person would, prompt and output shown."""
    print(f"# {command}", flush=True)
    return agent.run(command, timeout=timeout, check=check, on_output=write)


def ms(ns):
    return f"{ns / 1e6:8.1f} ms"


def compare(what, before, after, ok):
    print(f"  {what:<34} {before!s:<42} {after!s:<42} {'ok' if ok else 'WRONG'}")
    return ok


def proof(machine, before, after):
    """Before against after; False when anything is not as it must be."""
    w = machine.writer
    all_cpus = f"0-{machine.cpus - 1}"
    checks = (
        ("kernel (uname -r)", before.kernel, after.kernel, before.kernel != after.kernel),
        ("CPUs online", before.cpus, after.cpus, after.cpus == all_cpus),
        *((f"PID of {name}", pid, after.pids[name], pid == after.pids[name]) for name, pid in before.pids.items()),
        ("keys in redis", before.keys, after.keys, after.keys == before.keys >= KEYS),
        ("SHA-1 over all keys", before.digest, after.digest, before.digest == after.digest),
        ("client: last acknowledged write", w.acked, after.counter, w.acked <= after.counter <= w.sent),
    )
    print(f"  {'':<34} {'before':<42} {'after':<42}")
    return all([compare(*c) for c in checks])


def downtime(job, app):
    """The app's own longest pause against the parts that tkd's ledger knows."""
    parts = job["downtime"]
    print(f"  longest pause of the app by its own TSC   {ms(app.length)}")
    print(f"  freeze to resume by the ledger            {ms(parts['total_ns'])}")
    for name in PARTS:
        print(f"    {name:<38}  {ms(parts[name + '_ns'])}  {100 * parts[name + '_ns'] / app.length:5.1f} % of the app's pause")


def parse_arguments():
    p = argparse.ArgumentParser(prog="demo", description="One upgrade in a virtual machine, from nothing.")
    p.add_argument("--from", dest="old", choices=SERIES, default=SERIES[0], help="series of the old kernel")
    p.add_argument("--to", dest="new", choices=SERIES, default=SERIES[1], help="series of the twin")
    p.add_argument("--reverse", action="store_true", help=f"from {SERIES[1]} to {SERIES[0]}")
    a = p.parse_args()
    if a.reverse:
        a.old, a.new = SERIES[1], SERIES[0]
    return a


def main():
    args = parse_arguments()
    version = release(args.new)

    title(f"Debian 13 boots under {release(args.old)}")
    start = time.monotonic()
    with Server(args.old) as m:
        print(f"booted after {time.monotonic() - start:.0f} s; redis on port {m.redis_port} of this host")

        title(f"{KEYS} keys are loaded, a client starts to write without end")
        m.load()
        show(m.server, "uname -r; systemctl is-active redis-server tick; redis-cli DBSIZE")

        title("tkd")
        show(m.server, "systemctl start tkd")
        show(m.server, "tkctl list")
        show(m.server, f"tkctl check {version}", check=False)
        before = facts(m.server)
        reset_pause(m.server)
        written = m.writer.acked
        print(f"# tkctl upgrade {version}", flush=True)
        try:
            m.upgrade(version, on_output=write, terminal=sys.stdout.isatty())
        except CommandError:
            show(m.server, "tkctl show; journalctl -b -u tkd -n 20", check=False)
            sys.exit("the upgrade failed")
        job = m.wait_taken_over()
        print(f"the client wrote {m.writer.acked - written} times during the upgrade")

        title("the twin, asked through its own console")
        show(m.twin, "uname -r; tkctl status")
        app = pause(m.twin)
        after = facts(m.twin)

        title("proof")
        ok = proof(m, before, after)
        title("ledger")
        show(m.twin, "tkctl show")
        title("downtime")
        downtime(job, app)
    print(f"\n{'done' if ok else 'FAILED'} in {time.monotonic() - start:.0f} s")
    sys.exit(0 if ok else 1)


main()
