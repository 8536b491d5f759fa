# SPDX-License-Identifier: GPL-2.0-only
"""Compares a machine that was upgraded to a kernel with the same machine booted
cold into it. Each difference must be in the table of FIDELITY.md, which says
why it is there. tests/fidelity is the command; test_fidelity.py runs it."""

import argparse
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from server import SERIES, Server, release
from vm import TOP

COLLECT = Path(__file__).with_name("collect.sh")
TABLE = TOP / "tests/FIDELITY.md"
COLD, UPGRADED = "cold boot", "upgrade"
# Differs by so much and is still the same.
MEMORY_SHARE = 0.01
CLOCK_SEC = 1.0
RAM = re.compile(r"System RAM|Kernel (code|rodata|data|bss)|[Rr]eserved|RAM buffer|Crash kernel")


@dataclass(frozen=True)
class Difference:
    """A line of a section that only one of the two machines has."""

    section: str
    only: str
    line: str

    def __str__(self):
        return f"{self.section:<12} only after {self.only:<9}  {self.line}"


@dataclass
class Rule:
    """A row of the table: a difference that is known, and why."""

    section: str
    only: str
    pattern: re.Pattern
    reason: str

    def matches(self, d):
        return d.section == self.section and self.only in (d.only, "either") and self.pattern.fullmatch(d.line)


# Each of these turns the text of a section into the lines to compare.

def cpuinfo_lines(text):
    """By APIC id: the numbers of Linux follow the order of the boot."""
    keep = ("vendor_id", "cpu family", "model", "model name", "stepping", "microcode", "cache size", "physical id", "siblings",
            "core id", "cpu cores", "flags", "bugs", "address sizes")
    for block in filter(None, (b.strip() for b in text.split("\n\n"))):
        cpu = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in block.splitlines() if ":" in line)
        for key in keep:
            for word in cpu.get(key, "").split() if key == "flags" else [cpu.get(key, "")]:
                yield f"APIC id {cpu['apicid']}: {key} {word}"


def iomem_lines(text):
    """What devices have; RAM is compared by its sum."""
    return (line.strip() for line in text.splitlines() if not RAM.search(line))


def interrupt_lines(text):
    """Without counts and the numbers that Linux gives."""
    head, *lines = text.strip().splitlines()
    cpus = len(head.split())
    for line in lines:
        name, *rest = line.split()
        if not name[:-1].isdigit():
            yield f"{name} {' '.join(w for w in rest if not w.isdigit())}".strip()
        elif rest[cpus:]:
            yield " ".join(rest[cpus:])


def pci_lines(text):
    function = ""
    for line in text.splitlines():
        if line[:1].strip():
            function = line.split()[0]
        line = re.sub(r"routed to IRQ \d+", "routed to an IRQ", line.strip())
        line = re.sub(r" \(prog-if 00[^)]*\)", "", line)       # is shown only with its name
        line = re.sub(r"Address: [0-9a-f]+ +Data: [0-9a-f]+", "Address, Data", line)
        if line:
            yield f"{function} {line}"


def acpi_lines(text):
    """Interrupts without their counts, CPUs without Linux' numbers."""
    for line in text.splitlines():
        line = re.sub(r"(interrupts/\w+:)\s*\d+\s+", r"\1 ", line)
        yield re.sub(r"(LNXCPU .*) cpu\d+", r"\1", line).strip()


def device_lines(text):
    """Blocks of memory follow the size, compared elsewhere. Counters of serial lines are left out, and the numbers of
    input devices: keyboard and mouse are looked for side by side."""
    for line in text.splitlines():
        if not re.match(r"(memory|cpu|memory_tiering|node) ", line):
            line = re.sub(r"^(class input [a-z]+)\d+", r"\1", line)
            yield re.sub(r" (tx|rx|brk|oe|fe):\d+", "", line)


def net_lines(text):
    return (re.sub(r"^\d+: |valid_lft.*", "", line).strip() for line in text.splitlines())


def mount_lines(text):
    """Without sizes, which follow the memory, and numbers of descriptors."""
    return (re.sub(r",(size|nr_inodes|fd|pgrp|pipe_ino|minproto|maxproto)=\w+", "", line) for line in text.splitlines())


def log_lines(text):
    """Each message once, numbers left out."""
    return sorted({re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+", "N", line.strip()) for line in text.splitlines()})


def kernel_lines(text):
    return (line for line in text.splitlines() if "threads-max" not in line)


def plain_lines(text):
    return text.splitlines()


def words(text):
    return text.split()


SECTIONS = {
    "cpuinfo": cpuinfo_lines, "cpus": plain_lines, "iomem": iomem_lines, "ioports": plain_lines, "pci": pci_lines,
    "interrupts": interrupt_lines, "acpi": acpi_lines, "devices": device_lines, "block": plain_lines, "net": net_lines,
    "mounts": mount_lines, "kernel": kernel_lines, "log": log_lines, "units": plain_lines, "command-line": words,
}


def split_sections(text):
    parts = re.split(r"^## (.*)\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def mem_total(sections):
    """Bytes."""
    return int(re.search(r"MemTotal:\s*(\d+) kB", sections["memory"])[1]) * 1024


def compare_memory(cold, upgraded):
    a, b = mem_total(cold), mem_total(upgraded)
    if abs(a - b) > MEMORY_SHARE * a:
        yield Difference("memory", UPGRADED, f"MemTotal {b >> 20} MiB, {100 * (b - a) / a:+.1f} % of a cold boot")
    for line in set(cold["memory"].splitlines()) ^ set(upgraded["memory"].splitlines()):
        if line and "MemTotal" not in line:
            yield Difference("memory", UPGRADED if line in upgraded["memory"] else COLD, line)


def compare_clock(cold, upgraded):
    """The time is compared with that of the host when it was read."""
    clocks = []
    for sections in cold, upgraded:
        *lines, now = sections["clock"].strip().splitlines()
        off = abs(float(now) - sections["time"])
        clocks.append(Counter(lines + ([f"the time is wrong by {off:.0f} s"] if off > CLOCK_SEC + sections["took"] else [])))
    yield from one_sided("clock", *clocks)


def one_sided(section, cold, upgraded):
    for line in sorted((cold - upgraded).elements()):
        yield Difference(section, COLD, line)
    for line in sorted((upgraded - cold).elements()):
        yield Difference(section, UPGRADED, line)


def compare(cold, upgraded):
    """All differences of two collections."""
    for name, lines in SECTIONS.items():
        both = (Counter(filter(None, lines(sections[name]))) for sections in (cold, upgraded))
        yield from one_sided(name, *both)
    yield from compare_memory(cold, upgraded)
    yield from compare_clock(cold, upgraded)


def read_rules(path=TABLE):
    """The rows of the table whose pattern is in backquotes; `\\|` stands for a bar."""
    rules = []
    for line in path.read_text().splitlines():
        cells = [c.strip().replace("\\|", "|") for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and re.fullmatch(r"`.*`", cells[2]):
            if cells[1] not in (COLD, UPGRADED, "either"):
                raise ValueError(f"{path}: a difference is after \"{COLD}\", \"{UPGRADED}\" or \"either\": {line}")
            rules.append(Rule(cells[0], cells[1], re.compile(cells[2][1:-1]), cells[3]))
    return rules


def judge(differences, rules):
    """Those that no rule explains, and the rules that explained something."""
    unknown, used = [], []
    for d in differences:
        rule = next((r for r in rules if r.matches(d)), None)
        if rule is None:
            unknown.append(d)
        elif rule not in used:
            used.append(rule)
    return unknown, used


def collect(agent):
    """What a machine looks like now."""
    agent.run(f"cat >/run/collect.sh <<'END'\n{COLLECT.read_text()}END")
    begin = time.time()
    sections = split_sections(agent.output("bash /run/collect.sh; rm /run/collect.sh", timeout=300))
    end = time.time()
    sections["time"], sections["took"] = (begin + end) / 2, (end - begin) / 2
    return sections


def collect_cold(series, **machine):
    with Server(series, **machine) as m:
        m.server.run("systemctl start tkd")
        return collect(m.server)


def collect_upgraded(old, new, **machine):
    with Server(old, **machine) as m:
        m.server.run("systemctl start tkd")
        m.upgrade(release(new))
        m.wait_taken_over()
        m.twin.run("systemctl start tkd-machine.target; systemctl is-system-running --wait", timeout=120, check=False)
        return collect(m.twin)


def run(old, new, **machine):
    """Differences without a reason, and the rules that were of use.

    A busy host makes an emulated TSC look unstable to the watchdog that a kernel booted cold has and a twin has not:
    both are compared without it.
    """
    machine.setdefault("append", "tsc=nowatchdog")
    cold = collect_cold(new, **machine)
    upgraded = collect_upgraded(old, new, **machine)
    return judge(compare(cold, upgraded), read_rules())


def main():
    p = argparse.ArgumentParser(prog="fidelity", description="Compare a machine after an upgrade with a cold boot.")
    p.add_argument("--from", dest="old", choices=SERIES, default=SERIES[0], help="series of the old kernel")
    p.add_argument("--to", dest="new", choices=SERIES, default=SERIES[1], help="series of the new one")
    p.add_argument("--cpus", type=int, default=4)
    p.add_argument("--memory", default="4G")
    a = p.parse_args()
    unknown, used = run(a.old, a.new, cpus=a.cpus, memory=a.memory)
    print(f"{len(used)} known differences:")
    for rule in used:
        print(f"  {rule.section:<12} {rule.pattern.pattern}\n{'':<15}{rule.reason}")
    print(f"{len(unknown)} differences that {TABLE.name} does not explain:")
    for d in unknown:
        print(f"  {d}")
    sys.exit(1 if unknown else 0)


if __name__ == "__main__":
    main()
