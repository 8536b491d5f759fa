/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Program: run a program to its end and keep what it says on stderr.
 */
#pragma once

#include "util.h"

/**
 * run_program() - run a program and wait for it
 * @argv:       NULL-terminated; argv[0] is looked up in $PATH
 * @ret_error:  on failure, the last line of its stderr, or what else went wrong; may be NULL
 *
 * stdin and stdout lead to /dev/null.
 *
 * Return: exit status, 0 to 255 (@ret_error is set unless it is 0), -EINTR (killed by a signal) or
 * another negative errno.
 */
int run_program(const char *const *argv, char **ret_error);
