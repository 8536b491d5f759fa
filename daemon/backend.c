/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backend: the machine itself behind the engine, see EngineBackend in engine.h.
 */
#include "carry.h"
#include "channel.h"
#include "criu.h"
#include "estate.h"
#include "handover.h"
#include "machine.h"
#include "place.h"
#include "twin-device.h"
#include "unit.h"

const EngineBackend engine_backend_real = {
        .twin = &twin_device,
        .channel = &channel_vsock,
        .handover = &handover_pmem,
        .unit = &unit_systemd,
        .place = &place_systemd,
        .criu = &criu_lib,
        .carry = &carry_tar,
        .machine = &machine_linux,
        .estate = &estate_linux,
};
