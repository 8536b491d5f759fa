/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handover: the checkpoint memory, a pmem device that both kernels see and of
 * which one at a time mounts the ext4 filesystem in it (DAX, so that nothing
 * is copied twice).
 */
#pragma once

#include "engine.h"

extern const HandoverOps handover_pmem;
