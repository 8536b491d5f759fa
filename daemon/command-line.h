/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of a twin: that of the machine, without what only suits a
 * cold boot, and with what tkd.conf adds.
 */
#pragma once

#include "util.h"

/**
 * command_line_of_machine() - what the machine was booted with, upgrades left aside
 * @ret:        one line; that of the running kernel, or the one kept when it was upgraded to
 *
 * Return: 0 or a negative errno.
 */
int command_line_of_machine(char **ret);

/**
 * command_line_keep() - note the machine's command line for the next upgrade
 * @text:       what command_line_of_machine() said in the old kernel
 *
 * Return: 0 or a negative errno.
 */
int command_line_keep(const char *text);

/**
 * command_line_compose() - the twin's
 * @machine:    command line of the machine
 * @added:      further words, of tkd.conf
 * @machine_id: for systemd, which has no /etc of the machine; may be NULL
 * @ret:        the text
 *
 * Return: 0 or -ENOMEM.
 */
int command_line_compose(const char *machine, const char *added, const char *machine_id, char **ret);
