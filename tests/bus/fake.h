/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine made of files, for tests of the daemon: everything is below
 * $TKD_FAKE_DIR, which the old kernel's daemon, its workers and the twin's
 * daemon share.
 *
 *   twin       struct FakeMachine, mapped by all
 *   events/    one FIFO for each opening of /dev/twin
 *   port-N     sockets of the twin, to which the old kernel connects
 *   units/     one file for each application, its text is where and how it runs
 *   log        one line for each call of the backend
 *   faults     lines "CALL ACTION [NUMBER]"; each acts once, see fake_enter()
 */
#pragma once

#include "engine.h"
#include "util.h"

typedef struct FakeMachine {
        struct twin_info info;          /* as the old kernel sees it */
        int32_t twin_pid;               /* daemon of the twin, 0: none */
        int32_t parked;                 /* the old kernel has gone, its daemon with it */
        char log[4096];                 /* of the twin */
        struct FakeLoan {
                struct twin_function function;
                uint32_t state;         /* 0: none, 1: given, 2: accepted */
        } loans[4];
} FakeMachine;

/* Whether this process runs in the twin. */
bool fake_in_twin(void);

/* A path below $TKD_FAKE_DIR, in a static buffer that the next eight calls leave alone. */
const char *fake_path(const char *format, ...) _printf_(1, 2);

/**
 * fake_enter() - to be called at the begin of each call of the backend
 * @format:	name of the call, and what it is done to: "criu.dump app.service"
 *
 * Writes it to the log and does what a line of "faults" with this text says:
 * "errno N" (returns -N), "sleep MS", "hang", "crash" (this process kills itself), "panic" (the
 * twin panics).
 *
 * Return: 0 or a negative errno.
 */
int fake_enter(const char *format, ...) _printf_(1, 2);

FakeMachine *fake_machine(void);

/* Sets the twin's state, and lets all that watch know. */
void fake_set_state(uint32_t state);
void fake_emit(uint32_t type);

extern const TwinDeviceOps fake_twin;
extern const ChannelOps fake_channel;
extern const HandoverOps fake_handover;
extern const UnitOps fake_unit;
extern const PlaceOps fake_place;
extern const CriuOps fake_criu;
extern const CarryOps fake_carry;
extern const MachineOps fake_machine_ops;
extern const EstateOps fake_estate;
