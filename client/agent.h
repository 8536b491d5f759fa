/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* polkit's agent on the terminal: asks for a password while tkd waits for the authorisation. */

void agent_open(void);
void agent_close(void);
