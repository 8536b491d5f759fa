/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MESSAGE_ID= of the journal for what programs and people look for. Each has
 * JOB= and STEP= where there are such; "journalctl MESSAGE_ID=..." finds them, see tkd(8).
 */
#pragma once

#define MESSAGE_STEP_BEGINS     "9d1c0b3b5a5f4b0f8f5e0d3a2c6e7a01"
#define MESSAGE_STEP_FAILED     "9d1c0b3b5a5f4b0f8f5e0d3a2c6e7a02"
#define MESSAGE_UNDO_FAILED     "9d1c0b3b5a5f4b0f8f5e0d3a2c6e7a03"
#define MESSAGE_COMMITTED       "9d1c0b3b5a5f4b0f8f5e0d3a2c6e7a04"
#define MESSAGE_JOB_FINISHED    "9d1c0b3b5a5f4b0f8f5e0d3a2c6e7a05"
#define MESSAGE_TWIN_DIED       "9d1c0b3b5a5f4b0f8f5e0d3a2c6e7a06"
