/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machine: what the engine does to the whole system around the commit: freeze
 * the disks before this kernel parks, let the applications go on in the twin.
 */
#pragma once

#include "engine.h"

extern const MachineOps machine_linux;
