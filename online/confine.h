/*
 * What a worker may still do once everything is open: another account (where
 * begun as root and responder.user says so), no capability, no new privilege,
 * Landlock (files: read the snapshots, certificates and CRLs, write the
 * journal, nothing else) and a seccomp filter (no exec, no other socket than
 * those it has). What a kernel lacks is left out and said in the log.
 */
#ifndef ONLINE_CONFINE_H
#define ONLINE_CONFINE_H

#include "formats/config.h"

/* Before anything is opened: the account. 0; -1: raised, the worker ends. */
int confine_account(const struct config *c, struct diag_sink *sink);
/* After: the rest, for every thread begun from now on. 0, -1 raised. */
int confine_files(const struct config *c, struct diag_sink *sink);
int confine_calls(struct diag_sink *sink);

#endif
