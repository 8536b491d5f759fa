/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once

/* What every file of tkctl uses to say something: lengths of time, JSON, errors; on top of the helpers of daemon/util.h. */

#include <inttypes.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "util.h"

#define NSEC_PER_MSEC UINT64_C(1000000)
#define NSEC_PER_SEC UINT64_C(1000000000)

#define _cleanup_message_ _cleanup_(sd_bus_message_unrefp)
#define _cleanup_error_ _cleanup_(sd_bus_error_free)

/* Large enough for everything the format_* functions write. */
#define FORMAT_MAX 64

const char *format_length(char buf[static FORMAT_MAX], uint64_t ns);
const char *format_date(char buf[static FORMAT_MAX], uint64_t usec);
const char *format_bytes(char buf[static FORMAT_MAX], uint64_t bytes);

int parse_u64(const char *s, uint64_t *ret);
void print_json(json_object *o);
void print_json_line(json_object *o);
int print_error(const char *format, ...) _printf_(1, 2);
int print_oom(void);
