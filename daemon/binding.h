/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a binary is linked with decides by what means the daemon works: tkd has
 * the machine itself (binding.c), the tests' daemon has fakes.
 */
#pragma once

#include "engine.h"

const EngineBackend *engine_backend(void);
