/*
 * tool-tinyset SITE.yaml YYYYMMDD SERIAL: keys and certificates of a TEST
 * site and a published snapshot set of a handful of people, without a night.
 * For tests/part-online.sh, which knows them all by heart:
 *
 *  記号 １２－３４  valid; card 1 (2 revoked, 3 not linked, 4 expired)
 *      １２－３８  lost long ago, told no more; card 5
 *      １２－３５  lost, nothing else: 2
 *      １２－３６  lost, and cover elsewhere: 3
 *      １２－３７  twins: 5
 *  139998 番号 4260: municipal NHI, a name CP932 cannot write
 * A higher SERIAL publishes again; from 2 on １２－３４ has another address.
 */
#include <sys/stat.h>

#include "batch/publish.h"
#include "batch/spool.h"
#include "formats/config.h"
#include "tests/sample/pki.h"
#include "tests/world.h"

#define CRL_OU "Kaku-ken"
#define CRL_CN "Mihon-shi CRLDP"
#define PERSON(symbol, branch, name, birth)                                    \
	Q_INSURER_CODE, "06139992", Q_PERSON_ID, "S" symbol branch,            \
	    Q_CARD_CLASS, "01", Q_INSURER_NUMBER, "06139992", Q_SYMBOL,        \
	    symbol, Q_INSURED_NUMBER, "５６７８", Q_BRANCH, branch, Q_FAMILY,  \
	    "1", Q_NAME, name, Q_KANA, "ﾐﾎﾝ ﾀﾛｳ", Q_SEX1, "1", Q_BIRTHDATE,    \
	    birth

static char site_day[9], lost_day[9]; /* 200 days before */

static void
people(struct world *w, int64_t serial)
{
	world_period(w, 'E', 1, PERSON("12-34", "01", "見本　太郎", "19800505"),
	    Q_ADDRESS, serial < 2 ? "架空県見本市一丁目" : "架空県見本市二丁目",
	    Q_QUALIFIED_ON, "20150401", -1);
	world_period(w, 'E', 2, PERSON("12-35", "01", "見本　次郎", "19810505"),
	    Q_QUALIFIED_ON, "20150401", Q_LOST_ON, lost_day, Q_LOSS_REASON,
	    "99", -1);
	world_period(w, 'E', 3, PERSON("12-36", "01", "見本　三郎", "19820505"),
	    Q_QUALIFIED_ON, "20150401", Q_LOST_ON, lost_day, Q_LOSS_REASON,
	    "03", -1);
	world_period(w, 'E', 3, Q_INSURER_CODE, "39139993", Q_PERSON_ID, "NEW3",
	    Q_CARD_CLASS, "01", Q_INSURER_NUMBER, "39139993", Q_INSURED_NUMBER,
	    "00000019", Q_NAME, "見本　三郎", Q_KANA, "ﾐﾎﾝ ｻﾌﾞﾛｳ", Q_SEX1, "1",
	    Q_BIRTHDATE, "19820505", Q_QUALIFIED_ON, lost_day, -1);
	world_period(w, 'E', 4, PERSON("12-37", "01", "見本　一子", "20100505"),
	    Q_QUALIFIED_ON, "20100505", -1);
	world_period(w, 'E', 5, PERSON("12-37", "02", "見本　二子", "20100505"),
	    Q_QUALIFIED_ON, "20100505", -1);
	world_period(w, 'E', 7, PERSON("12-38", "01", "見本　昔", "19500505"),
	    Q_QUALIFIED_ON, "20000401", Q_LOST_ON, "20100401", Q_LOSS_REASON,
	    "99", -1);
	world_period(w, 'C', 6, Q_INSURER_CODE, "00139998", Q_PERSON_ID, "4260",
	    Q_CARD_CLASS, "01", Q_INSURER_NUMBER, "139998", Q_INSURED_NUMBER,
	    "4260", Q_NAME, "𠮷田　髙子", Q_KANA, "ﾖｼﾀﾞ ﾀｶｺ", Q_SEX1, "2",
	    Q_BIRTHDATE, "19661120", Q_QUALIFIED_ON, "20150401", -1);
}

static void
insurers(struct world *w)
{
	static const char *const of[][3] = { { "06139992", "society",
						 "見本健康保険組合" },
		{ "39139993", "elderly", "架空県後期高齢者医療広域連合" },
		{ "00139998", "nhi_city", "見本区" } };

	for (size_t i = 0; i < 3; i++)
		world_add(w, SNAPSHOT_QUALIFICATION, &insurer_format, N_NUMBER,
		    N_NUMBER, of[i][0], N_CODE, of[i][0], N_SCHEME, of[i][1],
		    N_NAME, of[i][2], -1);
}

static void
institutions(struct world *w)
{
	/* the fourth takes no part in the pilot, the last closed in 2023 */
	static const char *const of[][4] = { { "0119900017", "cp932", "", "1" },
		{ "1319900010", "utf8", "", "1" },
		{ "1319900028", "utf8", "", "1" },
		{ "2719900017", "utf8", "", "0" },
		{ "4719900013", "utf8", "20231231", "1" } };

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		world_add(w, SNAPSHOT_INSTITUTIONS, &institution_format, I_CODE,
		    I_CODE, of[i][0], I_PREFECTURE, "13", I_SIZE_CLASS, "3",
		    I_FROM, "20150401", I_UNTIL, of[i][2], I_PILOT, of[i][3],
		    I_ENCODING, of[i][1], -1);
}

static int
cards(struct world *w, struct pki *p, int32_t day)
{
	static const char *const serials[] = { "1000001", "1000002", "1000003",
		"1000004", "1000005" };

	for (int i = 0; i < 5; i++) {
		if (pki_card(p, i, 0, 0x1000001u + (uint32_t)i,
			i == 3 ? day - 400 : day - 100,
			i == 3 ? day - 10 : day + 1000, CRL_OU, CRL_CN) == -1)
			return -1;
		if (i != 2)
			world_add(w, SNAPSHOT_CARDS, &link_format, L_SERIAL,
			    L_CA, pki_card_ca(p, 0), L_SERIAL, serials[i],
			    L_PROCESSING_NUMBER, i == 4 ? "P7" : "P1", L_STATE,
			    "1", L_PROVIDED_AT, "20190401000000", -1);
	}
	w->revoked[w->n_revoked++] = serials[1];
	return 0;
}

static int
clients(struct pki *p)
{
	static const struct {
		enum pki_ca ca;
		enum pki_use use;
		enum pki_fault fault;
		const char *ou, *stem;
	} of[] = {
		{ PKI_INSTITUTION, PKI_USE_CLIENT, PKI_GOOD, "0119900017",
		    "institutions/0119900017" },
		{ PKI_INSTITUTION, PKI_USE_CLIENT, PKI_GOOD, "1319900010",
		    "institutions/1319900010" },
		{ PKI_INSTITUTION, PKI_USE_CLIENT, PKI_GOOD, "9999999999",
		    "bad/unknown" },
		{ PKI_INSTITUTION, PKI_USE_CLIENT, PKI_GOOD, NULL,
		    "bad/nocode" },
		{ PKI_INSTITUTION, PKI_USE_CLIENT, PKI_EXPIRED, "1319900010",
		    "bad/expired" },
		{ PKI_INSTITUTION, PKI_USE_CLIENT, PKI_REVOKED, "1319900010",
		    "bad/revoked" },
		{ PKI_INSTITUTION, PKI_USE_CLIENT, PKI_OTHER_CA, "1319900010",
		    "bad/otherca" },
		{ PKI_INSTITUTION, PKI_USE_CLIENT, PKI_SELF_SIGNED,
		    "1319900010", "bad/selfsigned" },
		{ PKI_INSTITUTION, PKI_USE_CLIENT, PKI_WEAK, "1319900010",
		    "bad/weak" },
		{ PKI_INSTITUTION, PKI_USE_CLIENT, PKI_WRONG_USE, "1319900010",
		    "bad/wronguse" },
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (pki_leaf(p, of[i].ca, of[i].use, of[i].fault, "TERM01",
			of[i].ou, of[i].stem) == -1)
			return -1;
	return 0;
}

static int
publish(struct world *w, const struct config *c, int64_t serial, int32_t day,
    struct diag_sink *sink)
{
	char dir[512];
	struct seal_key *key;
	int r = -1;

	if (spool_init(c->qualification_root) == -1)
		return -1;
	snprintf(dir, sizeof(dir), "%s/snapshots", c->qualification_root);
	publish_make_dir(dir);
	if (world_make(w, dir, serial, day, sink) == -1)
		return -1;
	key = seal_key_open(c->publish_key, c->publish_cert, sink);
	if (key != NULL)
		r = publish_set(c->qualification_root, &w->set, key,
		    day_moment(day, 9 * INT64_C(3600000)), sink);
	seal_key_free(key);
	return r;
}

int
main(int argc, char **argv)
{
	struct diag_log log;
	struct config *c;
	struct world *w = world_new();
	struct pki *p;
	char dir[512], partition[256];
	int64_t serial;
	int32_t day;

	diag_log_init(&log, "tinyset", stderr);
	if (argc != 4)
		return 32;
	snprintf(site_day, sizeof(site_day), "%s", argv[2]);
	day = day_parse(slice_of(site_day));
	serial = slice_number(slice_of(argv[3]));
	if (day != DAY_NONE)
		day_format(day - 200, lost_day);
	c = config_load(argv[1], &log.sink);
	if (c == NULL || day == DAY_NONE || serial < 1)
		return 33;
	snprintf(dir, sizeof(dir), "%s/pki", c->folder);
	p = pki_open(c, dir, day, 1);
	if (p == NULL ||
	    (serial == 1 && (pki_site(p) == -1 || clients(p) == -1)))
		return 11;
	pki_partition_name(CRL_OU, CRL_CN, partition);
	w->ca = pki_card_ca(p, 0);
	w->partition = partition;
	w->this_update = day_moment(day, 0);
	w->next_update = w->this_update + 2 * DAY_MS;
	people(w, serial);
	insurers(w);
	institutions(w);
	if (cards(w, p, day) == -1 ||
	    publish(w, c, serial, day, &log.sink) == -1)
		return 11;
	pki_close(p);
	config_free(c);
	world_free(w);
	return 0;
}
