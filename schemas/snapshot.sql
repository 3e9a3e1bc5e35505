-- Schema of the snapshots of the qualification side (formats/snapshot.h).
-- One SQLite file per kind and generation, read-only from its birth on. The
-- lines from "-- kind: NAME" to the next such line go into a file of that
-- kind, those of "all" into every file. The comments inside a statement stay
-- in the file's own schema (sqlite3 FILE .schema). The rows of the large
-- tables are written by formats/codec/pages.c in primary key order.
--
-- A day is text YYYYMMDD, a moment is an integer: milliseconds since 1970
-- UTC. What a record does not have is NULL. Columns named in CamelCase are
-- the STORED fields of the record's table in formats/*.c: same name, same
-- order, same text as in the file the insurer sent; a test holds them equal.

-- kind: all
CREATE TABLE readme (
	line INTEGER PRIMARY KEY,
	text TEXT NOT NULL
) STRICT;
CREATE TABLE generation (
	kind TEXT NOT NULL, -- qualification, cards, revocation, institutions
	generation INTEGER NOT NULL, -- running number; also in the file's name
	day TEXT NOT NULL, -- business day it was made for
	cut_off INTEGER NOT NULL, -- moment up to which inputs were taken
	"rows" INTEGER NOT NULL, -- of the main table (see readme)
	digest TEXT NOT NULL -- XXH3-128 over the rows (see readme)
) STRICT;
CREATE TABLE input ( -- what this generation was made from, beside the last
	name TEXT NOT NULL, -- segment or CRL delivery
	digest TEXT NOT NULL, -- SHA-256 as the segment's tail says it
	"rows" INTEGER NOT NULL,
	PRIMARY KEY (name, digest)
) STRICT, WITHOUT ROWID;
INSERT INTO readme (text) VALUES
	('shikaku: a snapshot of the qualification side. Read-only; made whole each time, never changed.'),
	('generation: one row, which generation this is. input: the segments merged into it.'),
	('digest: XXH3-128 over the rows of the main table in the order of their keys, each row as the'),
	('record that lies in this file (https://www.sqlite.org/fileformat2.html, record format).');

-- kind: qualification
CREATE TABLE period ( -- main table: one period of cover at one insurer
	"key" TEXT NOT NULL, -- typed key: E or C, 保険者コード (8), person id
	InsurerCode TEXT, -- 保険者コード
	PersonId TEXT, -- 被保険者枝番 or 市町村被保険者ID
	ProcessingNumber TEXT, -- 処理通番
	InsuredCardClassification TEXT, -- 被保険者証区分
	InsurerNumber TEXT, -- 保険者番号
	InsuredCardSymbol TEXT, -- 被保険者証記号
	InsuredIdentificationNumber TEXT, -- 被保険者証番号
	InsuredBranchNumber TEXT, -- 枝番
	PersonalFamilyClassification TEXT, -- 本人・家族の別
	InsuredName TEXT, -- 被保険者氏名(世帯主氏名)
	Name TEXT, -- 氏名
	NameOfOther TEXT, -- 氏名(その他)
	NameKana TEXT, -- 氏名カナ
	NameOfOtherKana TEXT, -- 氏名カナ(その他)
	Sex1 TEXT, -- 性別1
	Sex2 TEXT, -- 性別2
	Birthdate TEXT, -- 生年月日
	PostNumber TEXT, -- 郵便番号
	Address TEXT, -- 住所
	QualificationDate TEXT NOT NULL, -- 資格取得年月日: names the period
	DisqualificationDate TEXT, -- 資格喪失年月日: first day without cover
	ReasonOfLoss TEXT, -- 資格喪失事由
	InsuredCertificateIssuanceDate TEXT, -- 交付年月日
	InsuredCardValidDate TEXT, -- 有効開始年月日
	InsuredCardExpirationDate TEXT, -- 有効終了年月日: last day in force
	InsuredCardReturnDate TEXT, -- 回収年月日
	InsuredPartialContributionRatio TEXT, -- 一部負担金割合
	PreschoolClassification TEXT, -- 未就学区分
	ElderlyRecipientCertificateDate TEXT, -- 高齢受給者証交付年月日
	ElderlyRecipientValidStartDate TEXT, -- 高齢受給者証有効開始年月日
	ElderlyRecipientValidEndDate TEXT, -- 高齢受給者証有効終了年月日
	ElderlyRecipientContributionRatio TEXT, -- 高齢受給者証負担割合
	PRIMARY KEY ("key", QualificationDate)
) STRICT, WITHOUT ROWID;
CREATE TABLE person ( -- who is paired; may be known before any period is
	"key" TEXT NOT NULL PRIMARY KEY, -- typed key
	pseudonym BLOB NOT NULL, -- 16 bytes: keyed hash of the 機関別符号
	processing_number TEXT NOT NULL -- 処理通番
) STRICT, WITHOUT ROWID;
CREATE TABLE printed ( -- by what is printed on the card
	hash INTEGER NOT NULL, -- printed_hash(): a match is compared in full
	"key" TEXT NOT NULL, -- typed key
	PRIMARY KEY (hash, "key")
) STRICT, WITHOUT ROWID;
CREATE TABLE pseudonym ( -- every typed key of a person
	pseudonym BLOB NOT NULL,
	"key" TEXT NOT NULL,
	PRIMARY KEY (pseudonym, "key")
) STRICT, WITHOUT ROWID;
CREATE TABLE pairing ( -- from the card's 処理通番 to the person
	processing_number TEXT NOT NULL,
	"key" TEXT NOT NULL,
	pseudonym BLOB NOT NULL,
	PRIMARY KEY (processing_number, "key")
) STRICT, WITHOUT ROWID;
CREATE TABLE insurer ( -- from the site's table of insurers
	"number" TEXT NOT NULL PRIMARY KEY, -- 保険者番号 as 8 digits
	InsurerNumber TEXT, -- 保険者番号
	InsurerCode TEXT, -- 保険者コード
	Scheme TEXT, -- 制度
	InsurerName TEXT, -- 保険者名称
	Prefecture TEXT -- 都道府県番号
) STRICT, WITHOUT ROWID;
INSERT INTO readme (text) VALUES
	('period: a period of cover of one person at one insurer, named by key and QualificationDate.'),
	('person, pseudonym, pairing: whose periods at several insurers belong together.'),
	('printed: 保険者番号 + 記号 + 番号 + 生年月日, hashed, to typed keys. insurer: names.'),
	('rows: of period. digest: person and period by key, the person before the periods.');

-- kind: cards
CREATE TABLE ca ( -- generations of the card CA
	id INTEGER PRIMARY KEY,
	ski TEXT NOT NULL -- subject key identifier, 40 hex digits
) STRICT;
CREATE TABLE card ( -- main table: 紐付情報, from certificate to person
	ca INTEGER NOT NULL, -- ca.id
	serial ANY NOT NULL, -- integer below 2^63, else 20 bytes big endian
	ProcessingNumber TEXT, -- 処理通番
	LinkState TEXT, -- 新旧区分: 1 new, 2 replaced, 8 claimed for two, 9 ended
	ValidFrom TEXT, -- 有効期間開始
	ValidUntil TEXT, -- 有効期間満了
	ProvidedAt TEXT, -- 提供年月日時
	PRIMARY KEY (ca, serial)
) STRICT, WITHOUT ROWID;
CREATE TABLE waiting ( -- cards of people who are not registered yet
	ca INTEGER NOT NULL, -- ca.id
	serial ANY NOT NULL, -- as in card
	since TEXT NOT NULL, -- day of the first generation that had the link
	PRIMARY KEY (ca, serial)
) STRICT, WITHOUT ROWID;
INSERT INTO readme (text) VALUES
	('card: the 処理通番 that J-LIS gave for a certificate (CA and serial number).'),
	('waiting: cards whose 処理通番 nobody registered has; looked for again every night.'),
	('rows and digest: of card.');

-- kind: revocation
CREATE TABLE ca ( -- generations of the card CA
	id INTEGER PRIMARY KEY,
	ski TEXT NOT NULL -- subject key identifier, 40 hex digits
) STRICT;
CREATE TABLE "partition" ( -- CRLs of a delivery set
	ca INTEGER NOT NULL, -- ca.id
	name TEXT NOT NULL, -- distribution point, one line
	id INTEGER NOT NULL, -- as in revoked.partition
	this_update INTEGER NOT NULL, -- moment
	next_update INTEGER NOT NULL, -- moment; stale afterwards
	"number" TEXT NOT NULL, -- cRLNumber, hex
	PRIMARY KEY (ca, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE revoked ( -- main table: serials that are revoked
	ca INTEGER NOT NULL, -- ca.id
	serial ANY NOT NULL, -- integer below 2^63, else 20 bytes big endian
	"partition" INTEGER NOT NULL, -- partition.id
	revoked_at INTEGER NOT NULL, -- moment
	reason INTEGER NOT NULL, -- RFC 5280 CRLReason; -1: none given
	PRIMARY KEY (ca, serial, "partition")
) STRICT, WITHOUT ROWID;
INSERT INTO readme (text) VALUES
	('partition: the CRLs in force. revoked: their entries.'),
	('rows and digest: of revoked.');

-- kind: institutions
CREATE TABLE institution ( -- main table: 医療機関マスタ
	InstitutionCode TEXT NOT NULL PRIMARY KEY, -- 医療機関コード
	Prefecture TEXT, -- 都道府県番号
	SizeClass TEXT, -- 規模区分
	Beds TEXT, -- 病床数
	InstitutionName TEXT, -- 名称
	PostNumber TEXT, -- 郵便番号
	Address TEXT, -- 所在地
	DesignatedFrom TEXT, -- 指定開始年月日
	DesignatedUntil TEXT, -- 指定終了年月日
	Phase1 TEXT, -- 第1段階参加区分
	Encoding TEXT -- 応答の文字コード
) STRICT, WITHOUT ROWID;
INSERT INTO readme (text) VALUES
	('institution: who may ask. rows and digest: of institution.');
