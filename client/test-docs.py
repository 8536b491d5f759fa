#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""tkctl --help, its man page, its completion and its sources name the same things."""

import os
import re
import subprocess
import unittest
from pathlib import Path

TKCTL = os.environ['TKCTL']
SOURCE = Path(os.environ['TKD_SOURCE'])
MAN = SOURCE / 'client/man/tkctl.1'
COMPLETION = SOURCE / 'client/completion/tkctl'

EXIT_USAGE, EXIT_UNREACHABLE = 2, 5
NO_BUS = '--address=unix:path=/nonexistent'


def tkctl(*args):
    return subprocess.run([TKCTL, *args], capture_output=True, text=True, timeout=30, check=False)


def help_section(title):
    text = tkctl('--help').stdout
    return re.search(rf'^{title}:\n((?:  .*\n)+)', text, re.M).group(1)


def help_verbs():
    return set(re.findall(r'^  (\w+)', help_section('Verbs'), re.M))


def option_names(text):
    return set(re.findall(r'(?<![\w-])--?[a-zA-Z][a-z-]*', text))


def help_options():
    return option_names(re.sub(r'^(.{27}).*$', r'\1', help_section('Options'), flags=re.M))


def man_section(title):
    text = MAN.read_text().replace(r'\-', '-')
    return re.search(rf'^\.SH "?{title}"?\n(.*?)(?=^\.SH)', text, re.M | re.S).group(1)


def man_tags(title):
    """The lines that name what a paragraph is about."""
    return re.findall(r'^\.TP\n(.*)$', man_section(title), re.M)


def completion(function, verb):
    script = f'. "{COMPLETION}"; {function} "{verb}"'
    r = subprocess.run(['bash', '-c', script], capture_output=True, text=True, check=True)
    return set(r.stdout.split())


class Names(unittest.TestCase):
    def test_verbs(self):
        self.assertTrue(help_verbs())
        man = {tag.split()[1] for tag in man_tags('VERBS')}
        self.assertEqual(help_verbs(), man)
        self.assertEqual(help_verbs(), completion('__tkctl_arguments', ''))

    def test_each_verb_has_its_file(self):
        files = {p.stem.removeprefix('verb-') for p in (SOURCE / 'client').glob('verb-*.c')}
        self.assertEqual(help_verbs(), files)

    def test_options(self):
        self.assertTrue(help_options())
        man = option_names(re.sub(r'\\f.', ' ', '\n'.join(man_tags('OPTIONS'))))
        self.assertEqual(help_options(), man)
        offered = set()
        for verb in help_verbs():
            offered |= {o.rstrip('=') for o in completion('__tkctl_options', verb)}
        self.assertEqual(help_options(), offered)

    def test_completion_offers_what_the_verb_takes(self):
        arguments = {'check': ['1'], 'upgrade': ['1'], 'boot': ['1'], 'give': ['1'], 'take': ['1']}
        for verb in help_verbs():
            offered = completion('__tkctl_options', verb)
            for option in ('--mode=twin', '--dry-run', '--no-wait', '--lines=1', '--no-follow'):
                name = re.sub('(?<==).*', '', option)
                r = tkctl(NO_BUS, verb, *arguments.get(verb, []), option)
                expected = EXIT_UNREACHABLE if name in offered else EXIT_USAGE
                self.assertEqual(r.returncode, expected, f'{verb} {option}: {r.stderr}')

    def test_exit_codes(self):
        header = (SOURCE / 'client/tkctl.h').read_text()
        codes = set(re.findall(r'^ +EXIT_\w+ = (\d+)', header, re.M))
        man = {tag.split()[1] for tag in man_tags('EXIT STATUS')}
        self.assertEqual(codes, man)

    def test_every_error_has_a_way_out(self):
        errors = re.findall(r'^#define (TKD_ERROR_\w+)\s', (SOURCE / 'daemon/protocol.h').read_text(), re.M)
        table = (SOURCE / 'client/fault.c').read_text()
        self.assertTrue(errors)
        for name in errors:
            self.assertRegex(table, rf'\{{ {name},')

    def test_steps_are_named_in_the_man_page(self):
        steps = re.findall(r'^#define TKD_STEP_\w+\s+"(\w+)"', (SOURCE / 'daemon/protocol.h').read_text(), re.M)
        named = re.search(r'^\.BR (reserve .*)\.$', man_section('DESCRIPTION'), re.M).group(1)
        self.assertEqual(steps, re.findall(r'\w+', named))


class CommandLine(unittest.TestCase):
    def assert_usage(self, message, *args):
        r = tkctl(NO_BUS, *args)
        self.assertEqual(r.returncode, EXIT_USAGE, r)
        self.assertEqual(r.stdout, '')
        self.assertEqual(r.stderr.count('\n'), 1, r.stderr)
        self.assertIn(message, r.stderr)

    def test_mistakes_are_named(self):
        self.assert_usage('"lis"', 'lis')
        self.assert_usage('"--jason"', '--jason', 'list')
        self.assert_usage('"--mode"', 'upgrade', '1', '--mode')
        self.assert_usage('needs VERSION', 'upgrade')
        self.assert_usage('"b"', 'upgrade', 'a', 'b')
        self.assert_usage('--dry-run', 'list', '--dry-run')
        self.assert_usage('"many"', 'console', '-n', 'many')
        self.assert_usage('Only one of', '-H', 'x', 'list')

    def test_version(self):
        r = tkctl('--version')
        self.assertRegex(r.stdout, r'^tkctl \d[\w.]*\n$')

    def test_no_bus(self):
        r = tkctl(NO_BUS, 'status')
        self.assertEqual(r.returncode, EXIT_UNREACHABLE)
        self.assertIn('unix:path=/nonexistent', r.stderr)


if __name__ == '__main__':
    unittest.main()
