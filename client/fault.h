/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* Errors of D-Bus and of jobs as one clear line: what went wrong, and the way out. */

#include "tkctl.h"

const char *fault_hint(const char *name);
int fault_exit_code(const char *name);
int fault_print(const Context *c, const char *what, const char *name, const char *text);
int fault_print_bus(const Context *c, const sd_bus_error *e, int error);
