/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Points where test builds make the daemon crash. There is one before and one
 * after each transition of the state table: KIND is "begin", "end", "undo",
 * "undone" or "committed". The daemon that is installed links the function in
 * binding.c, which does nothing.
 */
#pragma once

#include "steps.h"

void fault_point(const char *kind, Step step);
