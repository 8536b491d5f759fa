/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Place: where a unit's restored processes go in the twin. systemd starts the
 * unit with a sleeping placeholder instead of its program and so builds its
 * cgroup, namespaces, limits, runtime directories and log stream; CRIU restores
 * into them; then systemd is told that the restored process is the main one.
 */
#pragma once

#include "engine.h"

extern const PlaceOps place_systemd;
