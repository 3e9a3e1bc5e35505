/*
 * One YAML file per site. schemas/site.yaml is the commented example, every
 * key with its default; a test holds it equal to the table in config.c.
 * Unknown keys, wrong types, out-of-range values, aliases and tags are
 * refused, all at once, each with file:line:column and a suggestion.
 * Paths are relative to the folder of the file.
 */
#ifndef FORMATS_CONFIG_H
#define FORMATS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "formats/codec/diag.h"

#define CONFIG_ROLE_MAX 16 /* characters of an account's role */

struct config {
	const char *site_name; /* site.name */

	/* Either may be empty where this machine does not hold that side. */
	const char *intermediate_root; /* intermediate.root (中間サーバー) */
	const char *qualification_root; /* qualification.root (資格確認) */

	const char *senders, *insurers; /* masters.* : CSV tables */
	const char *leniencies; /* masters.leniencies; may be empty */
	const char *prices; /* masters.prices; empty: no levy */
	const char *holidays; /* masters.holidays; may be empty */
	const char *arrivals; /* masters.arrivals; may be empty */
	const char *jobs_folder,
	    *hooks_folder; /* jobs.* ; hooks may be empty */
	const char *backup_folder; /* backup.folder; may be empty */
	int backup_keep;

	/* trust.*: PEM files */
	const char *insurer_ca, *insurer_crl; /* signers of uploads */
	const char *institution_ca, *institution_crl; /* TLS clients */
	const char *card_ca; /* pinned CA generations of the cards */
	const char *card_policy; /* policy OID a card must carry */
	const char *site_ca,
	    *site_crl; /* our own signers: packages, manifests */
	const char *tsa_ca; /* time-stamping authority; empty: no stamps */

	/* keys.*: PEM files, owner-only */
	const char *open_key, *open_cert; /* opens enveloped uploads */
	const char *deliver_key, *deliver_cert; /* signs link packages */
	const char *publish_key, *publish_cert; /* signs snapshot manifests */
	const char *pseudonym_key; /* intermediate side only: 32 bytes, hex */
	const char *pairing_key; /* the same side: codes kept, 32 bytes, hex */
	const char *usage_key; /* keyed hash of serials in usage lines, hex */

	int phase; /* 1 pilot, 2 full */
	int institutions_max; /* institutions.max_active; 0: no limit */
	const char *front; /* responder.front: CN of a TLS front end, or "" */
	const char *roles; /* institutions.roles, config_may_ask() */
	bool number_inquiry; /* number_inquiry.enabled */
	int number_key; /* number_inquiry.key: 0 report, 1 card_face, 2 both */
	int city_key; /* person_key.city: 'C' city_person_id or 'E' edaban */

	int64_t service_open, service_close; /* ms of the JST day */
	const char *service_except; /* service.exceptions, config_hours() */
	int visible_days; /* retention.visible_days */
	int delete_days, left_days; /* retention.*: batch/retention.h */

	int guard_rows_percent; /* guard.rows_percent: 0 = off */
	int guard_insurer_percent; /* guard.insurer_percent: 0 = off */
	int guard_night_losses; /* guard.night_losses: 0 = off */
	/* a file is held (E3502, E3503): guard.* */
	int loss_percent; /* of an insurer's periods lost in a day; 0 = off */
	int blank_before, blank_after; /* percent filled; before 0 = off */
	int guard_records; /* fewer are not judged */
	int refuse_percent; /* ingest.refuse_percent, default 100 = never */
	uint32_t substitute; /* text.substitute: U+25CF */
	int error_rows; /* errors.max_rows */
	int keep_generations;

	const char *listen; /* responder.listen: address */
	int port;
	const char *server_key, *server_cert;
	int workers;
	int commit_ms; /* group commit waits at most this */
	int challenge_seconds;
	int idle_seconds;
	int ticket_minutes; /* age of a session ticket key; 0: no tickets */
	bool tls12; /* also TLS 1.2, ECDHE and AEAD only */
	int rate; /* questions a second of one certificate; 0: no limit */
	int nobody_alarm; /* answers "nobody" of one certificate in 10 min */
	const char *admin; /* responder.admin: Unix socket; may be empty */
	int log_form; /* 0 text, 1 json, 2 ltsv */
	const char *user; /* responder.user: becomes it where begun as root */
	int fees_basis; /* fees.basis: 0 by use, 1 by insured persons */
	int fees_rounding; /* fees.rounding: 0 down, 1 half, 2 up */
	int fees_retry_days; /* fees.retry_days */
	int codes_again_days; /* codes.again_days; 0: never */
	const char *notice_schemes; /* notice.schemes: "a+b"; empty: none */
	const char *notice_kind, *notice_text; /* 通知種別, 文面版 */
	int statistics_below; /* statistics.below: figures to hide; 0 none */
	bool stale_stops; /* stop answering when the snapshot is too old */
	int stale_hours;

	const char *folder; /* of the file; owned with the rest */
	void *store; /* every string above */
};

/* NULL: every fault was raised. */
struct config *config_load(const char *path, struct diag_sink *sink);
void config_free(struct config *c);
/* When questions are answered on that day: ms of the day, from <= t < until;
 * both 0 where it is closed. */
void config_hours(
    const struct config *c, int32_t day, int64_t *from, int64_t *until);
/* May an account of that role ask by number (else by card)? Without
 * institutions.roles there is one account per institution, and it may. */
bool config_may_ask(const struct config *c, struct slice role, bool by_number);
/* Is this key ("trust.site_ca") a path? */
bool config_is_path(const char *key);
/* The i-th key that is a path and has a default that is not empty; NULL past
 * the last. *preset: the default. */
const char *config_path_key(size_t i, const char **preset);
/* The table as the commented example (schemas/site.yaml), every key with its
 * default. */
void config_describe(FILE *out);

#endif
