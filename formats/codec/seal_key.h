/* What seal.c and seal_make.c share. For these two only. */
#ifndef FORMATS_CODEC_SEAL_KEY_H
#define FORMATS_CODEC_SEAL_KEY_H

#include "formats/codec/seal.h"

struct seal_key {
	struct evp_pkey_st *key;
	struct x509_st *cert;
};
/* The one commonName of its subject; "" where there is none or several. */
void seal_name_of(struct x509_st *cert, char subject_cn[128]);
/* Raises code for name, with OpenSSL's own word for it; -1. */
int seal_fault(struct diag_sink *sink, enum diag_code code, const char *name,
    const char *why);

#endif
