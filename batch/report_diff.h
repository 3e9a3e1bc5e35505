/*
 * shikaku-report diff A B: what changed between two statistics files, two
 * months or two runs of one, and which inputs explain it. Markdown on stdout.
 */
#ifndef BATCH_REPORT_DIFF_H
#define BATCH_REPORT_DIFF_H

/* argv[0] is the word diff. The exit status: 0 they differ, 1 they do not. */
int report_diff(int argc, char **argv);

#endif
