/*
 * Every limit an outsider can run into, in one place, each with its reason.
 * A test hits each of them. Crossing one is a named diagnostic, not a crash.
 */
#ifndef FORMATS_LIMITS_H
#define FORMATS_LIMITS_H

/* An upload, sealed: 協会けんぽ sends its 40 M people as several files. */
#define UPLOAD_BYTES_MAX (INT64_C(2) << 30)
/* EnvelopedData is opened in memory by CMS_decrypt(); larger: several files */
#define ENVELOPE_BYTES_MAX (INT64_C(32) << 20)
#define ARCHIVE_MEMBERS_MAX 16
#define ARCHIVE_NAME_MAX 128
#define ARCHIVE_BYTES_MAX (INT64_C(8) << 30) /* all members, unpacked */
#define ARCHIVE_RATIO_MAX 200 /* unpacked : packed, past the first 16 MiB */
#define PACKAGE_MEMBERS_MAX 2048 /* feeds crl and package */
#define MANIFEST_BYTES_MAX (1 << 20) /* of 2048 members at ~250 bytes */
/* a message or paper, read into memory: a bulk inquiry of 100,000 persons */
#define DOCUMENT_BYTES_MAX (64 << 20)
#define CONFIG_BYTES_MAX (1 << 20)
#define YAML_DEPTH_MAX 8
#define YAML_NODES_MAX 32768 /* a manifest of 2048 members has 20,000 */
#define YAML_VALUE_MAX 4096 /* bytes of one value: paths, names, help */

#define RECORD_BYTES_MAX 8192 /* one record in any syntax */
#define RECORD_FIELDS_MAX 48
#define RECORDS_PER_FILE_MAX INT64_C(50000000)
#define XML_DEPTH_MAX 16
#define DIAGS_PER_FILE_MAX 100000 /* kept in memory; all are counted */
#define ERROR_ROWS_DEFAULT 100000 /* of an error list: errors.max_rows */

/* Memory of one batch program stays under 256 MiB (I13, G27). */
#define SORT_MEMORY (INT64_C(96) << 20)

#define HTTP_HEADER_MAX (8 << 10)
#define HTTP_BODY_MAX (64 << 10)
#define CERT_DER_MAX 4096
#define CHALLENGES_MAX 65536 /* outstanding card challenges of one worker */

#define CRL_BYTES_MAX (INT64_C(4) << 30)

#endif
