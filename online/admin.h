/*
 * For operators: a process of its own on a Unix socket (responder.admin),
 * mode 0600, that reads what the workers share and never stands in their
 * way. GET /healthz, /readyz (JSON), /metrics (OpenMetrics 1.0), POST
 * /reload, /drain. Ends with its parent.
 */
#ifndef ONLINE_ADMIN_H
#define ONLINE_ADMIN_H

#include "formats/config.h"
#include "online/share.h"

/* Binds the socket in place of an older one; -1: raised. */
int admin_listen(const struct config *c, struct diag_sink *sink);
/* The process: answers until its parent ends. */
int admin_run(
    const struct config *c, const struct share *s, int workers, int listen_fd);

/* metrics.c: the whole exposition, ended by "# EOF". */
void metrics_write(const struct config *c, const struct share *s, int workers,
    int64_t now, struct buf *out);

#endif
