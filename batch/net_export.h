/*
 * A job net in the words of other schedulers. What they cannot say (business
 * days, windows over midnight, tries by exit status) stays with the runner:
 * their jobs call `shikaku-jobs run NET --only JOB`; JP1/AJS3 alone can say
 * all of it and calls the programs themselves.
 */
#ifndef BATCH_NET_EXPORT_H
#define BATCH_NET_EXPORT_H

#include <stdio.h>

#include "batch/net.h"

struct export_place { /* where things are on the machine it is for */
	const char *programs; /* folder */
	const char *site; /* site.yaml */
	const char *account; /* that runs it */
};
struct export_form {
	const char
	    *name; /* systemd, cron, jp1, slurm, airflow, dot, mdoc, svg */
	const char *note; /* one line */
	/* Writes all of it; where the form is several files, each begins with
	 * a line "### NAME". 0; -1 errno of the stream. */
	int (*write)(
	    FILE *out, const struct net *net, const struct export_place *at);
	bool several;
};
extern const struct export_form export_forms[]; /* ends with name NULL */
const struct export_form *export_find(const char *name);

#endif
