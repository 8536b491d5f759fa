/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carry: brings the files of units into the root of the twin, as two tar
 * archives in the checkpoint memory: what does not change before the freeze,
 * the rest after it.
 */
#pragma once

#include "engine.h"

extern const CarryOps carry_tar;
