/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every name and signature of tkd's D-Bus interface, in one place. The daemon
 * and tkctl both include it; the introspection XML in this directory has the
 * same names with their documentation, and a test compares the two.
 */
#pragma once

#define TKD_BUS_NAME            "org.twinkernel.tkd1"
#define TKD_PATH                "/org/twinkernel/tkd1"
#define TKD_JOB_PATH_PREFIX     TKD_PATH "/job"         /* + "/N", N the decimal id of the job */
#define TKD_MANAGER_INTERFACE   "org.twinkernel.tkd1.Manager"
#define TKD_JOB_INTERFACE       "org.twinkernel.tkd1.Job"

#define TKD_LOG_CONTROL_PATH      "/org/freedesktop/LogControl1"
#define TKD_LOG_CONTROL_INTERFACE "org.freedesktop.LogControl1"

/* Manager: methods */
#define TKD_METHOD_UPGRADE      "Upgrade"       /* (s version, a{sv} options) -> (t id, o job) */
#define TKD_METHOD_ROLLBACK     "Rollback"      /* (a{sv} options) -> (t id, o job): upgrade to the kernel before */
#define TKD_METHOD_BOOT         "Boot"          /* (s version, a{sv} options) -> (t id, o job): twin beside this kernel */
#define TKD_METHOD_RELEASE      "Release"       /* () -> (t id, o job): drops the twin */
#define TKD_METHOD_CHECK        "Check"         /* (s version, a{sv} options) -> a(sss): finding id, severity, text */
#define TKD_METHOD_LIST_KERNELS "ListKernels"   /* -> a(ssbb): version, path of the image, twin support, running now */
#define TKD_METHOD_LIST_JOBS    "ListJobs"      /* -> a(tsso): id, version, state, path; running job and finished ones */
#define TKD_METHOD_GET_HISTORY  "GetHistory"    /* -> a(tsssssttsst), TKD_HISTORY_SIGNATURE */
#define TKD_METHOD_TWIN_LOG     "TwinLog"       /* (t offset) -> (t next, ay data) */
#define TKD_METHOD_GIVE         "Give"          /* (s address) -> (): lends a PCI function to the twin */
#define TKD_METHOD_TAKE         "Take"          /* (s address) -> (): has it back */
#define TKD_METHOD_OPEN_CONSOLE "OpenConsole"   /* () -> (h connection), see console-io.h */

#define TKD_START_SIGNATURE_OUT    "to"         /* of every method that begins a job */
#define TKD_CHECK_SIGNATURE_OUT    "a(sss)"
#define TKD_KERNELS_SIGNATURE      "a(ssbb)"
#define TKD_JOBS_SIGNATURE         "a(tsso)"
/* id, kind, version, mode, initiator, state, started, finished (both CLOCK_REALTIME, µs; 0 = not yet),
 * error name, error text, downtime (ns between the ledger's freeze-begin and resume; 0 = none) */
#define TKD_HISTORY_SIGNATURE      "a(tsssssttsst)"
#define TKD_TWIN_LOG_SIGNATURE_OUT "tay"

/* Keys of the options of Upgrade, Rollback, Boot and Check */
#define TKD_OPTION_MODE         "mode"          /* s: TKD_MODE_*; not of Boot */
#define TKD_OPTION_DRY_RUN      "dry-run"       /* b: not of Check; validates, and answers (0, "/") */

#define TKD_MODE_TWIN           "twin"

/* Severities of findings */
#define TKD_SEVERITY_ERROR      "error"         /* Upgrade would be refused */
#define TKD_SEVERITY_WARNING    "warning"
#define TKD_SEVERITY_INFO       "info"

/* Manager: properties; all but Version emit PropertiesChanged */
#define TKD_PROPERTY_VERSION     "Version"      /* s, release of tkd */
#define TKD_PROPERTY_STATE       "State"        /* s, "idle" or the state of the running job */
#define TKD_PROPERTY_KERNEL      "Kernel"       /* s, uname -r of the kernel tkd runs on */
#define TKD_PROPERTY_TWIN_STATE  "TwinState"    /* s, TKD_TWIN_* */
#define TKD_PROPERTY_TWIN_KERNEL "TwinKernel"   /* s, version of the kernel in the twin, "" if none */
#define TKD_PROPERTY_TWIN_CPUS   "TwinCPUs"     /* s, list such as "2-3", "" if none */
#define TKD_PROPERTY_TWIN_MEMORY "TwinMemory"   /* t, bytes set aside, checkpoint memory included */
#define TKD_PROPERTY_TWIN_SINCE  "TwinSince"    /* t, when it was started, CLOCK_REALTIME in µs, 0 if it was not */
#define TKD_PROPERTY_TWIN_FUNCTIONS "TwinFunctions" /* as, addresses of the PCI functions that it was lent */
#define TKD_PROPERTY_TWIN_ERROR  "TwinError"    /* s, how it died and its last words, "" unless it is dead */

/* Manager: signals */
#define TKD_SIGNAL_JOB_NEW      "JobNew"        /* t id, o job */
#define TKD_SIGNAL_JOB_REMOVED  "JobRemoved"    /* t id, o job, s result: the job ended; its object stays */

/* Job: properties. Id, Kind, Version, From, Initiator and Mode are constant, the rest emit PropertiesChanged */
#define TKD_PROPERTY_JOB_ID        "Id"         /* t */
#define TKD_PROPERTY_JOB_VERSION   "Version"    /* s, of the kernel that the twin runs, "" if not known */
#define TKD_PROPERTY_JOB_KIND      "Kind"       /* s, TKD_KIND_* */
#define TKD_PROPERTY_JOB_FROM      "From"       /* s, version of the kernel that it began in */
#define TKD_PROPERTY_JOB_INITIATOR "Initiator"  /* s, "uid 0 (root)" */
#define TKD_PROPERTY_JOB_MODE      "Mode"       /* s, TKD_MODE_* */
#define TKD_PROPERTY_JOB_STATE     "State"      /* s, TKD_JOB_STATE_* */
#define TKD_PROPERTY_JOB_STEP      "Step"       /* s, TKD_STEP_*, "" before the first */
#define TKD_PROPERTY_JOB_STATUS    "Status"     /* s, what happens just now, one line for people */
#define TKD_PROPERTY_JOB_PROGRESS  "Progress"   /* u, percent */
#define TKD_PROPERTY_JOB_LEDGER    "Ledger"     /* a(sst): event, kernel, nanoseconds of the TSC */
#define TKD_PROPERTY_JOB_ERROR     "Error"      /* (ss): error name and text; both empty unless it failed */
#define TKD_PROPERTY_JOB_RESULT    "Result"     /* s, "" while it runs, then TKD_RESULT_* */

/* Kinds of jobs */
#define TKD_KIND_UPGRADE        "upgrade"
#define TKD_KIND_ROLLBACK       "rollback"      /* an upgrade to the kernel before */
#define TKD_KIND_BOOT           "boot"
#define TKD_KIND_RELEASE        "release"

/* Job: methods */
#define TKD_METHOD_JOB_CANCEL   "Cancel"        /* () -> (): asks; the job ends later with result "cancelled" */

/* The steps of an upgrade, in their order; a boot has the first three */
#define TKD_STEP_RESERVE        "reserve"
#define TKD_STEP_LOAD           "load"
#define TKD_STEP_BOOT           "boot"
#define TKD_STEP_CHECKPOINT     "checkpoint"
#define TKD_STEP_MIGRATE        "migrate"
#define TKD_STEP_COMMIT         "commit"
#define TKD_STEP_OFFLINE        "offline"

/* States of a job */
#define TKD_STATE_IDLE          "idle"          /* of the manager only: no job runs */
#define TKD_STATE_RESERVING     "reserving"
#define TKD_STATE_LOADING       "loading"
#define TKD_STATE_BOOTING       "booting"
#define TKD_STATE_CHECKPOINTING "checkpointing"
#define TKD_STATE_MIGRATING     "migrating"
#define TKD_STATE_COMMITTING    "committing"
#define TKD_STATE_OFFLINING     "offlining"
#define TKD_STATE_ROLLING_BACK  "rolling-back"
#define TKD_STATE_RELEASING     "releasing"     /* the one state of a release */
#define TKD_STATE_DONE          "done"
#define TKD_STATE_FAILED        "failed"
#define TKD_STATE_CANCELLED     "cancelled"

/* Results of a job */
#define TKD_RESULT_COMMITTED    "committed"     /* in the old kernel: the twin has the job from here on */
#define TKD_RESULT_DONE         TKD_STATE_DONE
#define TKD_RESULT_FAILED       TKD_STATE_FAILED
#define TKD_RESULT_CANCELLED    TKD_STATE_CANCELLED

/* Values of TwinState: the kernel's enum twin_state in words, and: */
#define TKD_TWIN_UNSUPPORTED    "unsupported"   /* this kernel has no /dev/twin */
#define TKD_TWIN_NONE           "none"
#define TKD_TWIN_RESERVED       "reserved"
#define TKD_TWIN_LOADED         "loaded"
#define TKD_TWIN_BOOTING        "booting"
#define TKD_TWIN_ALIVE          "alive"
#define TKD_TWIN_LOST           "lost"
#define TKD_TWIN_PANICKED       "panicked"
#define TKD_TWIN_HALTED         "halted"
#define TKD_TWIN_REFUSED        "refused"

/* Errors of the methods, and of Job.Error */
#define TKD_ERROR(name)             "org.twinkernel.tkd1.Error." name
#define TKD_ERROR_NO_SUCH_VERSION   TKD_ERROR("NoSuchVersion")
#define TKD_ERROR_NO_INITRAMFS      TKD_ERROR("NoInitramfs")
#define TKD_ERROR_BAD_IMAGE         TKD_ERROR("BadImage")
#define TKD_ERROR_NO_TWIN_SUPPORT   TKD_ERROR("NoTwinSupport")
#define TKD_ERROR_UNKNOWN_OPTION    TKD_ERROR("UnknownOption")
#define TKD_ERROR_BAD_OPTION        TKD_ERROR("BadOption")
#define TKD_ERROR_BAD_CONFIG        TKD_ERROR("BadConfig")
#define TKD_ERROR_BAD_POLICY        TKD_ERROR("BadPolicy")
#define TKD_ERROR_BAD_UNIT          TKD_ERROR("BadUnit")
#define TKD_ERROR_NOT_ENOUGH_MEMORY TKD_ERROR("NotEnoughMemory")
#define TKD_ERROR_NOT_ENOUGH_CPUS   TKD_ERROR("NotEnoughCPUs")
#define TKD_ERROR_BUSY              TKD_ERROR("Busy")
#define TKD_ERROR_TWIN_EXISTS       TKD_ERROR("TwinExists")
#define TKD_ERROR_NO_TWIN           TKD_ERROR("NoTwin")
#define TKD_ERROR_NO_SUCH_FUNCTION  TKD_ERROR("NoSuchFunction")
#define TKD_ERROR_FUNCTION_BUSY     TKD_ERROR("FunctionBusy")
#define TKD_ERROR_CANNOT_LEND       TKD_ERROR("CannotLend")
#define TKD_ERROR_NO_KERNEL_BEFORE  TKD_ERROR("NoKernelBefore")
#define TKD_ERROR_NO_SUCH_JOB       TKD_ERROR("NoSuchJob")
#define TKD_ERROR_NOT_CANCELLABLE   TKD_ERROR("NotCancellable")
#define TKD_ERROR_NOT_SUPPORTED     TKD_ERROR("NotSupported")
#define TKD_ERROR_FAILED            TKD_ERROR("Failed")
#define TKD_ERROR_CANCELLED         TKD_ERROR("Cancelled")
#define TKD_ERROR_TIMED_OUT         TKD_ERROR("TimedOut")
#define TKD_ERROR_TWIN_FAILED       TKD_ERROR("TwinFailed")
#define TKD_ERROR_CHECKPOINT_FAILED TKD_ERROR("CheckpointFailed")
#define TKD_ERROR_RESTORE_FAILED    TKD_ERROR("RestoreFailed")

/* Standard ones that tkd uses as they are */
#define TKD_ERROR_ACCESS_DENIED     "org.freedesktop.DBus.Error.AccessDenied"
#define TKD_ERROR_INTERACTIVE_AUTH  "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"

/* Polkit actions, one per risk; reading state is free */
#define TKD_ACTION_UPGRADE      "org.twinkernel.tkd1.upgrade"
#define TKD_ACTION_ROLLBACK     "org.twinkernel.tkd1.rollback"
#define TKD_ACTION_BOOT         "org.twinkernel.tkd1.boot"
#define TKD_ACTION_RELEASE      "org.twinkernel.tkd1.release"
#define TKD_ACTION_CANCEL       "org.twinkernel.tkd1.cancel"
#define TKD_ACTION_LEND         "org.twinkernel.tkd1.lend"
#define TKD_ACTION_CONSOLE      "org.twinkernel.tkd1.console"
#define TKD_ACTION_READ_LOG     "org.twinkernel.tkd1.read-log"
