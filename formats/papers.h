/*
 * The YAML papers that go with files, as documents: the manifest inside every
 * package (of record files, of a CRL delivery set, of a link package), the
 * arrival receipt and the check result. manifest.h and receipt.h read and
 * write them; these tables are what their pages say, and
 * tests/unit/papers_test.c holds the two equal.
 */
#ifndef FORMATS_PAPERS_H
#define FORMATS_PAPERS_H

#include "formats/codec/document.h"

extern const struct document manifest_document; /* "manifest" */
extern const struct document crl_document; /* "crl" */
extern const struct document package_document; /* "package" */
extern const struct document receipt_document; /* "receipt" */
extern const struct document check_document; /* "check" */

#endif
