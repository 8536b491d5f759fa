/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a new process inherits of signals.
 */
#pragma once

/**
 * reset_signals() - default handlers and none blocked, in a child
 *
 * Whoever started the parent may have had signals ignored (nohup does), and what
 * runs in the child would never get them.
 */
void reset_signals(void);
