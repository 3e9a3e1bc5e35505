/*
 * What becomes of a process when a file it has mapped is cut short, or the disk
 * cannot give a page of it (SIGBUS): it cannot go on, for what it reads there
 * is neither old nor new. It says which file, as a diagnostic (F4021), and ends
 * at once: a batch run has published nothing then, a question is not answered
 * and a new worker takes the place.
 */
#ifndef FORMATS_CODEC_MAPPED_H
#define FORMATS_CODEC_MAPPED_H

/* From now on in this process: ends with this exit status. Any other cause of
 * SIGBUS ends it as it always did. */
void mapped_watch(int status);

#endif
