/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Logging in systemd's manner: to the journal with structured fields when
 * stderr leads there, to the console as plain lines otherwise. Level and
 * target can be changed while the daemon runs (org.freedesktop.LogControl1).
 */
#pragma once

#include <syslog.h>

#include "util.h"

typedef enum LogTarget {
        LOG_TARGET_CONSOLE,
        LOG_TARGET_JOURNAL,
        LOG_TARGET_NULL,
        _LOG_TARGET_MAX,
        _LOG_TARGET_INVALID = -EINVAL,
} LogTarget;

/* Picks the target by what stderr is, the level by $TKD_LOG_LEVEL. */
void log_setup(void);

int log_get_max_level(void);
void log_set_max_level(int level);
LogTarget log_get_target(void);
void log_set_target(LogTarget target);

const char *log_level_to_string(int level);
int log_level_from_string(const char *s);               /* or -EINVAL */
const char *log_target_to_string(LogTarget target);
LogTarget log_target_from_string(const char *s);        /* or _LOG_TARGET_INVALID */

/**
 * log_internal() - write one line
 * @level:	LOG_DEBUG to LOG_EMERG
 * @error:	negative or positive errno that %m in @format stands for, or 0
 * @format:	of printf
 *
 * Return: -abs(@error), so that "return log_error_errno(r, ...)" forwards it.
 */
int log_internal(int level, int error, const char *file, int line, const char *format, ...) _printf_(5, 6);

/**
 * log_event() - write one line that a program may look for
 * @level:	LOG_DEBUG to LOG_EMERG
 * @message_id:	MESSAGE_ID= of the journal, 32 hex digits; all are in message-id.h
 * @job:	JOB= of the journal, id of the job
 * @step:	STEP= of the journal, or NULL
 * @format:	of printf
 */
void log_event(int level, const char *message_id, uint64_t job, const char *step, const char *format, ...)
        _printf_(5, 6);

#define log_full_errno(level, error, ...) log_internal(level, error, __FILE__, __LINE__, __VA_ARGS__)

#define log_debug(...)                  ((void) log_full_errno(LOG_DEBUG, 0, __VA_ARGS__))
#define log_info(...)                   ((void) log_full_errno(LOG_INFO, 0, __VA_ARGS__))
#define log_notice(...)                 ((void) log_full_errno(LOG_NOTICE, 0, __VA_ARGS__))
#define log_warning(...)                ((void) log_full_errno(LOG_WARNING, 0, __VA_ARGS__))
#define log_error(...)                  ((void) log_full_errno(LOG_ERR, 0, __VA_ARGS__))

#define log_debug_errno(error, ...)     log_full_errno(LOG_DEBUG, error, __VA_ARGS__)
#define log_info_errno(error, ...)      log_full_errno(LOG_INFO, error, __VA_ARGS__)
#define log_warning_errno(error, ...)   log_full_errno(LOG_WARNING, error, __VA_ARGS__)
#define log_error_errno(error, ...)     log_full_errno(LOG_ERR, error, __VA_ARGS__)
#define log_oom()                       log_error_errno(-ENOMEM, "Out of memory")
