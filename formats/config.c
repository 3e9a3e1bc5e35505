/* The keys of site.yaml, one row each, and how a file is held to them. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/codec/text.h"
#include "formats/codec/yaml.h"
#include "formats/config.h"
#include "formats/limits.h"

enum type {
	TEXT, /* const char *; at most max characters */
	FILE_, /* const char *, made relative to the folder; may be empty */
	OID, /* const char *, digits and dots */
	INT, /* int, min..max */
	BOOL,
	CHOICE, /* int: place in choices */
	CLOCK, /* int64_t: "HH:MM" as ms of the day */
	ROLES, /* const char *: "NAME number|card|number+card, ..." */
	HOURS, /* const char *: "YYYY-MM-DD HH:MM-HH:MM|closed, ..." */
	CHARACTER /* uint32_t: one character of the repertoire */
};

struct key {
	const char *path;
	enum type type;
	size_t at;
	int min, max;
	const char *preset; /* the default, as in the file */
	const char *choices; /* "a|b|c" */
	const char *en, *ja;
};

#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct key keys[] = {
{ "site.name", TEXT, AT(site_name), 0, 100, "shikaku", NULL,
  "Name of the site, in page heads and reports.", "拠点の名称（帳票・統計の見出し）。" },

{ "intermediate.root", FILE_, AT(intermediate_root), 0, 0, "", NULL,
  "Folder of the intermediate-server side; empty: not on this machine.", "中間サーバー側のフォルダ。空ならこの機械にはない。" },
{ "qualification.root", FILE_, AT(qualification_root), 0, 0, "", NULL,
  "Folder of the qualification side; empty: not on this machine.", "資格確認側のフォルダ。空ならこの機械にはない。" },

{ "masters.senders", FILE_, AT(senders), 0, 0, "masters/senders.csv", NULL,
  "Who may upload what (CSV, layout senders).", "送信元の一覧（CSV）。" },
{ "masters.insurers", FILE_, AT(insurers), 0, 0, "masters/insurers.csv", NULL,
  "Insurer numbers, their codes and senders (CSV, layout insurers).", "保険者番号・保険者コード・送信元の一覧（CSV）。" },
{ "masters.leniencies", FILE_, AT(leniencies), 0, 0, "", NULL,
  "What is overlooked in a sender's files (CSV, layout leniencies); empty: nothing.", "送信元ごとの緩和措置の一覧（CSV）。空ならなし。" },
{ "masters.prices", FILE_, AT(prices), 0, 0, "", NULL,
  "Prices of the 利用実績 (CSV, layout ryokin); empty: no fee is levied.", "利用実績の料金表（CSV）。空なら負担額を算定しない。" },
{ "masters.holidays", FILE_, AT(holidays), 0, 0, "", NULL,
  "Holidays, the Cabinet Office's table as it is; empty: no calendar may ask for business days.", "祝日一覧（内閣府のCSVのまま）。空なら営業日を用いる暦は使えない。" },
{ "masters.arrivals", FILE_, AT(arrivals), 0, 0, "", NULL,
  "What is expected of which sender and by when (CSV, layout arrivals); empty: nothing.", "送信元ごとの到着予定の一覧（CSV）。空なら監視しない。" },
{ "jobs.folder", FILE_, AT(jobs_folder), 0, 0, "/usr/local/share/shikaku/jobs", NULL,
  "Where the job nets lie that are called by name (nightly: nightly.yaml).", "名前で指定するジョブネット定義のフォルダ。" },
{ "jobs.hooks", FILE_, AT(hooks_folder), 0, 0, "", NULL,
  "Folder of folders of programs to call: arrival.d refusal.d publish.d alarm.d; empty: none.", "事象ごとに呼び出すプログラムのフォルダ（arrival.d等）。空なら呼び出さない。" },
{ "backup.folder", FILE_, AT(backup_folder), 0, 0, "", NULL,
  "Where shikaku-backup keeps its generations, on another disk; empty: none are taken.", "控えの保管先（別のディスク）。空なら控えを取らない。" },
{ "backup.keep", INT, AT(backup_keep), 1, 10000, "14", NULL,
  "Generations kept there, besides those marked.", "保管する控えの世代数（印を付けたものを除く）。" },

{ "trust.insurer_ca", FILE_, AT(insurer_ca), 0, 0, "pki/insurer-ca.pem", NULL,
  "CA of those who sign uploads.", "アップロード署名者の認証局証明書。" },
{ "trust.insurer_crl", FILE_, AT(insurer_crl), 0, 0, "pki/insurer-ca.crl", NULL,
  "Its revocation list (PEM); empty: revocation is not asked.", "その失効リスト。空なら失効を確認しない。" },
{ "trust.institution_ca", FILE_, AT(institution_ca), 0, 0, "pki/institution-ca.pem", NULL,
  "CA of the institutions' client certificates.", "医療機関等のクライアント証明書の認証局証明書。" },
{ "trust.institution_crl", FILE_, AT(institution_crl), 0, 0, "pki/institution-ca.crl", NULL,
  "Its revocation list (PEM); empty: revocation is not asked.", "その失効リスト。空なら失効を確認しない。" },
{ "trust.card_ca", FILE_, AT(card_ca), 0, 0, "pki/card-ca.pem", NULL,
  "Pinned CA certificates of the cards, all generations in one file.", "利用者証明用認証局の証明書（全世代を一つのファイルに）。" },
{ "trust.card_policy", OID, AT(card_policy), 0, 100, "1.2.392.200149.8.5.1.3.30", NULL,
  "Certificate policy a card's certificate must carry.", "利用者証明用電子証明書の証明書ポリシーOID。" },
{ "trust.site_ca", FILE_, AT(site_ca), 0, 0, "pki/site-ca.pem", NULL,
  "CA of our own signers: link packages and snapshot manifests.", "連携パッケージ・スナップショット署名用の認証局証明書。" },
{ "trust.site_crl", FILE_, AT(site_crl), 0, 0, "pki/site-ca.crl", NULL,
  "Its revocation list (PEM); empty: revocation is not asked.", "その失効リスト。空なら失効を確認しない。" },
{ "trust.tsa_ca", FILE_, AT(tsa_ca), 0, 0, "", NULL,
  "CA of the time-stamping authority (RFC 3161); empty: heads are not stamped.", "タイムスタンプ局（RFC 3161）の認証局証明書。空ならタイムスタンプを取得しない。" },

{ "keys.open_key", FILE_, AT(open_key), 0, 0, "", NULL,
  "Private key that opens enveloped uploads; empty: none are taken.", "暗号化アップロードを復号する秘密鍵。空なら暗号化は受け付けない。" },
{ "keys.open_cert", FILE_, AT(open_cert), 0, 0, "", NULL,
  "Its certificate.", "その証明書。" },
{ "keys.deliver_key", FILE_, AT(deliver_key), 0, 0, "pki/deliver.key", NULL,
  "Private key that signs link packages (intermediate side).", "連携パッケージに署名する秘密鍵（中間サーバー側）。" },
{ "keys.deliver_cert", FILE_, AT(deliver_cert), 0, 0, "pki/deliver.pem", NULL,
  "Its certificate.", "その証明書。" },
{ "keys.publish_key", FILE_, AT(publish_key), 0, 0, "pki/publish.key", NULL,
  "Private key that signs snapshot manifests (qualification side).", "スナップショットに署名する秘密鍵（資格確認側）。" },
{ "keys.publish_cert", FILE_, AT(publish_cert), 0, 0, "pki/publish.pem", NULL,
  "Its certificate; a set signed in any other name is not believed.", "その証明書。別名義の署名によるスナップショットは使用しない。" },
{ "keys.pseudonym", FILE_, AT(pseudonym_key), 0, 0, "pki/pseudonym.hex", NULL,
  "Key of the pseudonyms, 64 hex digits (intermediate side only).", "仮名化の鍵、16進64桁（中間サーバー側のみ）。" },
{ "keys.pairing", FILE_, AT(pairing_key), 0, 0, "pki/pairing.hex", NULL,
  "Key of the codes kept in the pairing file, 64 hex digits (intermediate side only).", "符号管理ファイル内の機関別符号を暗号化する鍵、16進64桁（中間サーバー側のみ）。" },
{ "keys.usage", FILE_, AT(usage_key), 0, 0, "pki/usage.hex", NULL,
  "Key of the hashed card serials in usage lines, 64 hex digits.", "利用実績内のシリアル番号をハッシュする鍵、16進64桁。" },

{ "phase", INT, AT(phase), 1, 2, "1", NULL,
  "1: pilot (cards only); 2: full service.", "1：パイロット運用、2：本格運用。" },
{ "institutions.max_active", INT, AT(institutions_max), 0, 1000000, "100", NULL,
  "Institutions that may take part at a time; 0: no limit.", "同時に参加できる医療機関等の数。0なら無制限。" },
{ "institutions.roles", ROLES, AT(roles), 0, 0, "", NULL,
  "What an account may ask, by the role in its certificate, \"reception number+card, dispensary card\"; empty: one account per institution, may ask all.", "端末証明書の役割（role）ごとに許す照会（例のように記す）。空なら医療機関等ごとに一つのアカウントとし、全て許す。" },
{ "number_inquiry.enabled", BOOL, AT(number_inquiry), 0, 0, "false", NULL,
  "Questions by number are answered (phase 2).", "番号による照会に応答する（本格運用）。" },
{ "number_inquiry.key", CHOICE, AT(number_key), 0, 0, "both", "report|card_face|both",
  "Numbers asked by: those of the report, those on the card, or both.", "照会に用いる番号：報告書の番号、券面の番号、両方。" },
{ "person_key.city", CHOICE, AT(city_key), 0, 0, "city_person_id", "city_person_id|edaban",
  "Person key of municipal NHI.", "市町村国保の個人の識別番号。" },

{ "service.open", CLOCK, AT(service_open), 0, 0, "08:00", NULL,
  "Questions are answered from this time, JST.", "照会受付の開始時刻（日本時間）。" },
{ "service.close", CLOCK, AT(service_close), 0, 0, "21:00", NULL,
  "Questions are answered until this time, JST.", "照会受付の終了時刻（日本時間）。" },
{ "service.exceptions", HOURS, AT(service_except), 0, 0, "", NULL,
  "Days with other hours, \"2026-12-31 08:00-17:00, 2027-01-01 closed\".", "受付時間の異なる日（例のように記す。closed は終日休止）。" },
{ "retention.visible_days", INT, AT(visible_days), 0, 36500, "1827", NULL,
  "Lost qualifications can be seen for so many days (5 years).", "喪失後に照会できる日数（5年）。" },
{ "retention.delete_days", INT, AT(delete_days), 0, 36500, "1827", NULL,
  "They are dropped so many days after the loss (shikaku-purge); 0: never.", "喪失後この日数を過ぎた資格を消去する（shikaku-purge）。0なら消去しない。" },
{ "retention.left_days", INT, AT(left_days), 0, 36500, "1827", NULL,
  "The same for who has died or has no cover anywhere (for 医療等ID); 0: never.", "死亡した者・全ての資格を失った者についての同様の日数（医療等IDのため）。0なら消去しない。" },
{ "guard.rows_percent", INT, AT(guard_rows_percent), 0, 100, "5", NULL,
  "A snapshot with so many percent more or fewer rows is withheld; 0: off.", "行数の増減がこの割合を超えたら公開を保留する。0なら確認しない。" },
{ "guard.insurer_percent", INT, AT(guard_insurer_percent), 0, 100, "20", NULL,
  "The same for the periods of each insurer with guard.min_records or more; 0: off.", "guard.min_records以上の資格を持つ各保険者についての同様の割合。0なら確認しない。" },
{ "guard.night_losses", INT, AT(guard_night_losses), 0, 100000000, "0", NULL,
  "More periods ended, cancelled or gone in one run withhold it; 0: off.", "一回の処理で喪失・取消・消滅する資格がこの件数を超えたら公開を保留する。0なら確認しない。" },
{ "guard.loss_percent", INT, AT(loss_percent), 0, 100, "20", NULL,
  "A file that ends more percent of an insurer's periods in a day is held; 0: off.", "一日に保険者の資格のこの割合を超えて喪失させるファイルを保留する。0なら確認しない。" },
{ "guard.blank_before", INT, AT(blank_before), 0, 100, "90", NULL,
  "A file is held where an item filled in so many percent of the last one...; 0: off.", "前回この割合以上設定されていた項目が、0なら確認しない。" },
{ "guard.blank_after", INT, AT(blank_after), 0, 100, "0", NULL,
  "...is filled in so many percent of it or fewer.", "今回この割合以下なら、ファイルを保留する。" },
{ "guard.min_records", INT, AT(guard_records), 1, 1000000, "50", NULL,
  "Fewer records or periods of an insurer are not judged by these two.", "これより少ない件数では、上の二つを確認しない。" },
{ "ingest.refuse_percent", INT, AT(refuse_percent), 0, 100, "100", NULL,
  "More refused records than this refuse the whole file; 100: never.", "エラーがこの割合を超えたらファイル全体を受け付けない。100なら行わない。" },
{ "text.substitute", CHARACTER, AT(substitute), 0, 0, "●", NULL,
  "Stands for characters outside the agreed repertoire.", "使用できない文字の代替文字。" },
{ "errors.max_rows", INT, AT(error_rows), 1, 1000000, "100000", NULL,
  "Rows of an error list; its last row says how many problems more there are.", "エラーリストの行数の上限。超過分の件数は最終行に示す。" },
{ "snapshots.keep", INT, AT(keep_generations), 1, 1000, "7", NULL,
  "Generations kept to roll back to.", "保持する世代数。" },

{ "responder.listen", TEXT, AT(listen), 1, 100, "127.0.0.1", NULL,
  "Address the responder listens on.", "照会応答の待受アドレス。" },
{ "responder.port", INT, AT(port), 0, 65535, "8443", NULL,
  "Its port; 0: any free one (tests).", "待受ポート。0なら空きポート（試験用）。" },
{ "responder.key", FILE_, AT(server_key), 0, 0, "pki/server.key", NULL,
  "Private key of the TLS server.", "TLSサーバの秘密鍵。" },
{ "responder.cert", FILE_, AT(server_cert), 0, 0, "pki/server.pem", NULL,
  "Its certificate, and those between it and the CA.", "その証明書（中間証明書を含む）。" },
{ "responder.workers", INT, AT(workers), 1, 256, "2", NULL,
  "Processes that answer.", "応答プロセスの数。" },
{ "responder.commit_ms", INT, AT(commit_ms), 0, 1000, "2", NULL,
  "An answer waits at most so long for others to share its disk write.", "利用実績の書込みをまとめるための最大待ち時間（ミリ秒）。" },
{ "responder.challenge_seconds", INT, AT(challenge_seconds), 5, 3600, "120", NULL,
  "Life of a card challenge.", "カード照会のチャレンジの有効秒数。" },
{ "responder.idle_seconds", INT, AT(idle_seconds), 1, 86400, "120", NULL,
  "An idle connection is closed after this.", "無通信の接続を閉じるまでの秒数。" },
{ "responder.ticket_minutes", INT, AT(ticket_minutes), 0, 1440, "60", NULL,
  "Age at which the key of session tickets is replaced; 0: no resumption.", "セッションチケットの鍵を更新する間隔（分）。0なら再開なし。" },
{ "responder.tls12", BOOL, AT(tls12), 0, 0, "false", NULL,
  "Also TLS 1.2 (ECDHE and AEAD only), where a client cannot do 1.3.", "TLS 1.3を使えない端末のためにTLS 1.2（ECDHEとAEADのみ）も受け付ける。" },
{ "responder.front", TEXT, AT(front), 0, 31, "", NULL,
  "Name (CN) in the certificate of a front end that ends TLS and names its client in X-Client-Cert; empty: none.", "TLSを終端し、端末の証明書を X-Client-Cert で渡す前段サーバの証明書の名前（CN）。空なら認めない。" },
{ "responder.rate", INT, AT(rate), 0, 100000, "0", NULL,
  "Questions a second that one certificate may ask; 0: no limit.", "証明書ごとの毎秒の照会数の上限。0なら無制限。" },
{ "responder.nobody_alarm", INT, AT(nobody_alarm), 0, 1000000, "300", NULL,
  "So many answers \"nobody\" to one certificate in ten minutes raise an alarm; 0: off.", "証明書ごとに10分間でこの件数の「該当なし」があれば警報を出す。0なら行わない。" },
{ "responder.admin", FILE_, AT(admin), 0, 0, "", NULL,
  "Unix socket for operators (state, metrics, reload, drain); empty: none.", "運用者用のUnixソケット（状態・計測値・再読込・停止）。空なら設けない。" },
{ "responder.log", CHOICE, AT(log_form), 0, 0, "text", "text|json|ltsv",
  "Form of the log on standard error.", "標準エラー出力のログの形式。" },
{ "responder.user", TEXT, AT(user), 0, 32, "", NULL,
  "Account the workers become when begun as root; empty: stay.", "rootで起動した場合に応答プロセスが用いるアカウント。空なら変更しない。" },
{ "fees.basis", CHOICE, AT(fees_basis), 0, 0, "use", "use|insured",
  "The burden is levied by number of provisions or of insured persons.", "負担額の算定基礎：提供件数または被保険者数。" },
{ "fees.rounding", CHOICE, AT(fees_rounding), 0, 0, "down", "down|half|up",
  "How the last total is made whole yen; nothing is rounded before.", "最終合計の円未満の端数処理（切捨て、四捨五入、切上げ）。途中では行わない。" },
{ "fees.retry_days", INT, AT(fees_retry_days), 0, 31, "1", NULL,
  "A 取引ID again within so many days is a retry, also in another day's file.", "同じ取引IDをこの日数以内は再送とみなす（別の日のファイルでも）。" },
{ "codes.again_days", INT, AT(codes_again_days), 0, 3660, "7", NULL,
  "A 機関別符号 that did not come is asked for again after so many days; 0: never.", "取得できなかった機関別符号を再要求するまでの日数。0なら再要求しない。" },
{ "notice.schemes", TEXT, AT(notice_schemes), 0, 200, "", NULL,
  "Schemes whose people are told by マイナポータル, \"kyokai+society\"; empty: nobody.", "マイナポータルでお知らせする制度（例のように + で連ねる）。空なら作成しない。" },
{ "notice.kind", TEXT, AT(notice_kind), 1, 4, "1", NULL,
  "通知種別 in the notice list.", "お知らせ対象者一覧の通知種別。" },
{ "notice.text", TEXT, AT(notice_text), 1, 8, "1", NULL,
  "文面版; with a new one everybody is told again.", "文面版。変更すると全員に改めてお知らせする。" },
{ "statistics.below", INT, AT(statistics_below), 0, 1000, "10", NULL,
  "Figures of a month below this are hidden, with what gives them away; 0: none.", "月次統計でこれ未満の値（と逆算につながる値）を秘匿する。0なら行わない。" },
{ "freshness.stop", BOOL, AT(stale_stops), 0, 0, "false", NULL,
  "Stop answering when the snapshot is too old; else only warn.", "スナップショットが古い場合に応答を止める（falseなら警告のみ）。" },
{ "freshness.hours", INT, AT(stale_hours), 1, 8784, "36", NULL,
  "Too old: cut-off more than so many hours ago.", "古いとみなす経過時間（時間）。" },
};
/* clang-format on */
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

struct string {
	struct string *next;
	char s[];
};

struct load {
	struct config *c;
	const char *name;
	struct diag_sink *sink;
	int faults;
};

static void fault(struct load *l, const char *path, int line, int column,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void
fault(struct load *l, const char *path, int line, int column, const char *fmt,
    ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	l->faults++;
	diag_raise(l->sink,
	    &(struct diag) { .code = DIAG_CONFIG,
		.file = l->name,
		.line = line,
		.column = column,
		.offset = -1,
		.field = path,
		.detail = text });
}

/* folder + "/" + s, owned by the configuration; either may be empty. */
static const char *
keep(struct config *c, const char *folder, const char *s)
{
	size_t n = strlen(folder) + strlen(s) + 2;
	struct string *k = text_alloc(sizeof(*k) + n);

	snprintf(k->s, n, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", s);
	k->next = c->store;
	c->store = k;
	return k->s;
}

static int
choice_of(const char *choices, struct slice s)
{
	for (int i = 0; choices != NULL; i++) {
		const char *bar = strchr(choices, '|');
		size_t n =
		    bar == NULL ? strlen(choices) : (size_t)(bar - choices);

		if (slice_eq(s, (struct slice) { choices, n }))
			return i;
		choices = bar == NULL ? NULL : bar + 1;
	}
	return -1;
}

static int64_t
clock_of(struct slice s)
{
	if (s.n != 5 || s.p[2] != ':')
		return -1;
	int64_t h = slice_number((struct slice) { s.p, 2 });
	int64_t m = slice_number((struct slice) { s.p + 3, 2 });
	if (h < 0 || m < 0 || h > 24 || m > 59 || (h == 24 && m > 0))
		return -1;
	return (h * 60 + m) * 60000;
}

/* One entry of the exceptions; -1 where it is none. */
static int
exception_of(struct slice s, int32_t *day, int64_t *from, int64_t *until)
{
	if (s.n < 17 || s.p[4] != '-' || s.p[7] != '-' || s.p[10] != ' ')
		return -1;
	char d[8] = { s.p[0], s.p[1], s.p[2], s.p[3], s.p[5], s.p[6], s.p[8],
		s.p[9] };
	struct slice rest = { s.p + 11, s.n - 11 };

	*from = *until = 0;
	*day = day_parse((struct slice) { d, 8 });
	if (*day == DAY_NONE)
		return -1;
	if (slice_is(rest, "closed"))
		return 0;
	if (rest.n != 11 || rest.p[5] != '-')
		return -1;
	*from = clock_of((struct slice) { rest.p, 5 });
	*until = clock_of((struct slice) { rest.p + 6, 5 });
	return *from < 0 || *until <= *from ? -1 : 0;
}

/* Walks the entries until one of `want`; 1 found, 0 not, -1 malformed. */
static int
find_exception(const char *text, int32_t want, int64_t *from, int64_t *until)
{
	struct slice rest = slice_of(text);

	while (rest.n > 0) {
		const char *comma = memchr(rest.p, ',', rest.n);
		size_t n = comma == NULL ? rest.n : (size_t)(comma - rest.p);
		int32_t day;
		if (exception_of(slice_trim((struct slice) { rest.p, n }), &day,
			from, until) == -1)
			return -1;
		if (day == want)
			return 1;
		rest.p += n + (comma != NULL);
		rest.n -= n + (comma != NULL);
	}
	return 0;
}

static bool
is_hours(const char *text)
{
	int64_t from, until;

	return find_exception(text, DAY_NONE, &from, &until) != -1;
}

/* ---- roles of accounts ---- */

enum { ASK_NUMBER = 1, ASK_CARD = 2 };

/* "reception number+card"; its rights, -1 where it is none. */
static int
role_of(struct slice s, struct slice *name)
{
	static const struct {
		const char *text;
		int rights;
	} of[] = { { "number", ASK_NUMBER }, { "card", ASK_CARD },
		{ "number+card", ASK_NUMBER | ASK_CARD } };
	size_t n = 0;

	while (n < s.n && (unsigned char)s.p[n] > ' ')
		n++;
	*name = (struct slice) { s.p, n };
	if (n == 0 || n > CONFIG_ROLE_MAX || n == s.n)
		return -1;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (slice_is((struct slice) { s.p + n + 1, s.n - n - 1 },
			of[i].text))
			return of[i].rights;
	return -1;
}

/* Rights of the role, 0: not in the list; -1: the list is malformed. The
 * whole of it is looked at, so that what is malformed shows. */
static int
find_role(const char *text, struct slice want)
{
	struct slice rest = slice_of(text);
	int found = 0;

	while (rest.n > 0) {
		const char *comma = memchr(rest.p, ',', rest.n);
		size_t n = comma == NULL ? rest.n : (size_t)(comma - rest.p);
		struct slice name;
		int rights =
		    role_of(slice_trim((struct slice) { rest.p, n }), &name);
		if (rights == -1)
			return -1;
		if (slice_eq(name, want))
			found |= rights;
		rest.p += n + (comma != NULL);
		rest.n -= n + (comma != NULL);
	}
	return found;
}

bool
config_may_ask(const struct config *c, struct slice role, bool by_number)
{
	int rights = find_role(c->roles, role);

	if (c->roles[0] == '\0')
		return true;
	return rights > 0 &&
	    (rights & (by_number ? ASK_NUMBER : ASK_CARD)) != 0;
}

void
config_hours(const struct config *c, int32_t day, int64_t *from, int64_t *until)
{
	if (find_exception(c->service_except, day, from, until) == 1)
		return;
	*from = c->service_open;
	*until = c->service_close;
}

static uint32_t
character_of(struct slice s)
{
	const char *p = s.p, *end = s.p + s.n;
	uint32_t u = s.n == 0 ? TEXT_BAD : text_next(&p, end);

	if (u == TEXT_BAD || p != end || u <= ' ' || !text_in_repertoire(u))
		return TEXT_BAD;
	return u;
}

static bool
is_oid(struct slice s)
{
	bool digit = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && !digit)
			return false;
		if (s.p[i] != '.' && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
		digit = s.p[i] != '.';
	}
	return digit && memchr(s.p, '.', s.n) != NULL;
}

/* Puts the value where the row says; -1: not of the row's type or range. */
static int
set(struct config *c, const struct key *k, const char *value, bool quoted)
{
	char *at = (char *)c + k->at;
	struct slice s = slice_of(value);
	int64_t n;

	switch (k->type) {
	case TEXT:
	case OID:
		n = (int64_t)text_chars(s);
		if (n < k->min || n > k->max || (k->type == OID && !is_oid(s)))
			return -1;
		*(const char **)at = keep(c, "", value);
		return 0;
	case FILE_:
		if (strchr(value, '\n') != NULL)
			return -1;
		*(const char **)at =
		    keep(c, s.n == 0 || s.p[0] == '/' ? "" : c->folder, value);
		return 0;
	case INT:
		n = quoted ? -1 : slice_number(s);
		if (n < k->min || n > k->max)
			return -1;
		*(int *)at = (int)n;
		return 0;
	case BOOL:
		if (quoted || (!slice_is(s, "true") && !slice_is(s, "false")))
			return -1;
		*(bool *)at = slice_is(s, "true");
		return 0;
	case CHOICE:
		n = choice_of(k->choices, s);
		if (n < 0)
			return -1;
		*(int *)at = (int)n;
		return 0;
	case CLOCK:
		n = clock_of(s);
		if (n < 0)
			return -1;
		*(int64_t *)at = n;
		return 0;
	case ROLES:
	case HOURS:
		if (k->type == ROLES ? find_role(value, SLICE("")) == -1 :
				       !is_hours(value))
			return -1;
		*(const char **)at = keep(c, "", value);
		return 0;
	case CHARACTER:
		*(uint32_t *)at = character_of(s);
		return *(uint32_t *)at == TEXT_BAD ? -1 : 0;
	}
	return -1;
}

/* What the row takes, for people. */
static void
expected(const struct key *k, char *out, size_t size)
{
	switch (k->type) {
	case TEXT:
		snprintf(
		    out, size, "text of %d to %d characters", k->min, k->max);
		break;
	case FILE_:
		snprintf(out, size, "path");
		break;
	case OID:
		snprintf(out, size, "object identifier, digits and dots");
		break;
	case INT:
		snprintf(out, size, "number %d to %d", k->min, k->max);
		break;
	case BOOL:
		snprintf(out, size, "true or false");
		break;
	case CHOICE:
		snprintf(out, size, "one of %s", k->choices);
		break;
	case CLOCK:
		snprintf(out, size, "\"HH:MM\", 00:00 to 24:00");
		break;
	case ROLES:
		snprintf(out, size,
		    "name and number, card or number+card, by commas");
		break;
	case HOURS:
		snprintf(out, size,
		    "YYYY-MM-DD and HH:MM-HH:MM or closed, by commas");
		break;
	case CHARACTER:
		snprintf(out, size, "one character of the repertoire");
		break;
	}
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Letters to change between two names (Levenshtein). */
static size_t
distance(const char *a, const char *b)
{
	size_t row[80], na = strlen(a), nb = strlen(b);

	if (na >= 80 || nb >= 80)
		return 80;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t cost = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			row[j] = min3(cost, row[j] + 1, row[j - 1] + 1);
		}
	}
	return row[nb];
}

static const char *
last_part(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot == NULL ? path : dot + 1;
}

static size_t
section_length(const char *path)
{
	return strcspn(path, ".");
}

/* The name of the table nearest to a name it does not have; NULL: none near.
 * A right key in a wrong section is near; sections are names too. */
static const char *
nearest(const char *path, char store[80])
{
	size_t best = strlen(path) / 3 + 1;
	const char *found = NULL;

	if (best > 3)
		best = 3;
	for (size_t i = 0; i < NKEYS; i++) {
		size_t n = section_length(keys[i].path);
		size_t d = distance(path, keys[i].path);
		size_t e = distance(last_part(path), last_part(keys[i].path));

		if (e == 0 && d > 1)
			d = 1;
		if (d < best || (d == best && found == NULL)) {
			best = d;
			found = keys[i].path;
		}
		snprintf(store, 80, "%.*s", (int)n, keys[i].path);
		if (distance(path, store) < best)
			return store;
	}
	return found;
}

static const struct key *
find_key(const char *path)
{
	for (size_t i = 0; i < NKEYS; i++)
		if (strcmp(keys[i].path, path) == 0)
			return &keys[i];
	return NULL;
}

static bool
is_section(const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < NKEYS; i++)
		if (section_length(keys[i].path) == n &&
		    keys[i].path[n] == '.' &&
		    memcmp(keys[i].path, path, n) == 0)
			return true;
	return false;
}

static void
take_node(struct load *l, const struct yaml_node *n)
{
	const struct key *k = find_key(n->path);
	char text[200];

	if (k == NULL && is_section(n->path)) {
		/* "trust:" with nothing under it is an empty section */
		if (n->kind == YAML_LIST ||
		    (n->kind == YAML_SCALAR && n->value[0] != '\0'))
			fault(l, n->path, n->value_line, n->value_column,
			    "keys are expected under it");
		return;
	}
	if (k == NULL) {
		char store[80];
		const char *near = nearest(n->path, store);

		fault(l, n->path, n->line, n->column, "unknown key%s%s%s",
		    near == NULL ? "" : "; did you mean ",
		    near == NULL ? "" : near, near == NULL ? "" : "?");
		return;
	}
	if (n->kind != YAML_SCALAR || set(l->c, k, n->value, n->quoted) == -1) {
		expected(k, text, sizeof(text));
		fault(l, n->path, n->value_line, n->value_column,
		    "%s is expected", text);
	}
}

/* What the rows cannot say alone. */
static void
check_together(struct load *l, const struct yaml *y)
{
	const struct config *c = l->c;
	const struct yaml_node *n;

	if (c->intermediate_root[0] == '\0' && c->qualification_root[0] == '\0')
		fault(l, "intermediate.root", 1, 1,
		    "intermediate.root, qualification.root or both are needed");
	else if (strcmp(c->intermediate_root, c->qualification_root) == 0) {
		n = yaml_find(y, "qualification.root");
		fault(l, "qualification.root", n == NULL ? 1 : n->value_line,
		    n == NULL ? 1 : n->value_column,
		    "the two sides share no folder: another root is expected");
	}
	if (c->service_open >= c->service_close) {
		n = yaml_find(y, "service.close");
		if (n == NULL)
			n = yaml_find(y, "service.open");
		fault(l, "service.close", n == NULL ? 1 : n->value_line,
		    n == NULL ? 1 : n->value_column,
		    "a time after service.open is expected");
	}
	if ((c->open_key[0] == '\0') != (c->open_cert[0] == '\0')) {
		n = yaml_find(y,
		    c->open_key[0] == '\0' ? "keys.open_cert" :
					     "keys.open_key");
		fault(l, n == NULL ? NULL : n->path, n == NULL ? 1 : n->line,
		    n == NULL ? 1 : n->column,
		    "keys.open_key and keys.open_cert go together");
	}
}

static bool
is_under(const char *path, const char *parent)
{
	size_t n = strlen(parent);

	return strncmp(path, parent, n) == 0 &&
	    (path[n] == '.' || path[n] == '[');
}

static void
take_all(struct load *l, const struct yaml *y)
{
	const char *refused = NULL; /* what stands under it was told with it */

	for (size_t i = 0; i < y->n; i++) {
		int before = l->faults;

		if (refused != NULL && is_under(y->v[i].path, refused))
			continue;
		refused = NULL;
		take_node(l, &y->v[i]);
		if (l->faults > before)
			refused = y->v[i].path;
	}
	if (l->faults == 0)
		check_together(l, y);
}

/* The whole file, or NULL with the fault raised. */
static char *
slurp(struct load *l, const char *path, size_t *n)
{
	char *b = NULL;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*n = 0;
	if (fd == -1) {
		fault(l, NULL, 0, 0, "cannot be opened: %s", strerror(errno));
		return NULL;
	}
	b = text_alloc(CONFIG_BYTES_MAX + 2);
	while (*n <= CONFIG_BYTES_MAX &&
	    (got = read(fd, b + *n, CONFIG_BYTES_MAX + 1 - *n)) > 0)
		*n += (size_t)got;
	if (got == -1) {
		fault(l, NULL, 0, 0, "cannot be read: %s", strerror(errno));
		free(b);
		b = NULL;
	}
	close(fd);
	return b;
}

static const char *
folder_of(struct config *c, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return keep(c, "", ".");
	if (slash == path)
		return keep(c, "", "/");
	const char *all = keep(c, "", path);
	struct string *k = c->store;
	k->s[slash - path] = '\0';
	return all;
}

struct config *
config_load(const char *path, struct diag_sink *sink)
{
	struct load l = { .name = path, .sink = sink };
	struct yaml *y = NULL;
	char *text;
	size_t n;

	l.c = text_alloc(sizeof(*l.c));
	l.c->folder = folder_of(l.c, path);
	for (size_t i = 0; i < NKEYS; i++)
		set(l.c, &keys[i], keys[i].preset, false);
	text = slurp(&l, path, &n);
	if (text != NULL)
		y = yaml_read((struct slice) { text, n }, path, sink);
	if (y != NULL)
		take_all(&l, y);
	free(text);
	if (y == NULL || l.faults > 0) {
		config_free(l.c);
		l.c = NULL;
	}
	yaml_close(y);
	return l.c;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (struct string *k = c->store, *next; k != NULL; k = next) {
		next = k->next;
		free(k);
	}
	free(c);
}

static void
describe_key(const struct key *k, FILE *out)
{
	size_t section = section_length(k->path);
	const char *in = k->path[section] == '.' ? "  " : "";
	bool bare = k->type == INT || k->type == BOOL || k->type == CHOICE;
	char text[200];

	expected(k, text, sizeof(text));
	fprintf(
	    out, "%s# %s\n%s# %s\n%s# (%s)\n", in, k->en, in, k->ja, in, text);
	fprintf(out, "%s%s: %s%s%s\n", in, last_part(k->path), bare ? "" : "\"",
	    k->preset, bare ? "" : "\"");
}

void
config_describe(FILE *out)
{
	const char *before = "";

	fputs(
	    "# Configuration of a shikaku site: the example, every key with "
	    "its default.\n"
	    "# Keys that keep their default may be left out; unknown keys are "
	    "refused.\n"
	    "# Paths are relative to the folder of this file.\n"
	    "# `shikaku-check --config site.yaml` says all that is wrong with "
	    "one.\n"
	    "# 設定ファイルの見本（全項目と既定値）。既定値のままの項目は省略できます。\n",
	    out);
	for (size_t i = 0; i < NKEYS; i++) {
		size_t n = section_length(keys[i].path);

		if (section_length(before) != n ||
		    memcmp(before, keys[i].path, n) != 0) {
			putc('\n', out);
			if (keys[i].path[n] == '.')
				fprintf(out, "%.*s:\n", (int)n, keys[i].path);
		}
		describe_key(&keys[i], out);
		before = keys[i].path;
	}
}

bool
config_is_path(const char *key)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].path, key) == 0)
			return keys[i].type == FILE_;
	return false;
}

const char *
config_path_key(size_t i, const char **preset)
{
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		if (keys[k].type != FILE_ || keys[k].preset[0] == '\0' ||
		    i-- > 0)
			continue;
		*preset = keys[k].preset;
		return keys[k].path;
	}
	return NULL;
}
