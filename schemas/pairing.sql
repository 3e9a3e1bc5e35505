-- Pairing file of the intermediate side (中間サーバー): whose 機関別符号 was asked
-- for, and what came. INTERMEDIATE_ROOT/pairing/pairing.sqlite, mode 0600.
-- The code itself is sealed (AES-256-GCM) under keys.pairing; nothing here
-- ever goes to the other side or into a log.
CREATE TABLE person (
	"key" TEXT NOT NULL PRIMARY KEY, -- typed key
	registered INTEGER NOT NULL, -- 1: there are records of an insurer
	number TEXT, -- 処理通番
	state INTEGER NOT NULL, -- 0 no answer, 1 acquired, 2 not found, 9 error
	asked TEXT, -- the request file that has the person
	asked_on INTEGER, -- day
	times INTEGER NOT NULL DEFAULT 0, -- how often asked for
	answered_on INTEGER, -- day of the result
	file TEXT, -- upload of the result
	mark BLOB, -- keyed hash of the code: the same code, the same mark
	code BLOB -- 機関別符号, sealed
) STRICT, WITHOUT ROWID;
CREATE INDEX person_asked ON person (asked);
CREATE TABLE staged ( -- results of an upload that is not through yet
	file TEXT NOT NULL,
	"key" TEXT NOT NULL,
	record INTEGER NOT NULL,
	number TEXT NOT NULL,
	state INTEGER NOT NULL,
	day INTEGER NOT NULL,
	mark BLOB,
	code BLOB,
	PRIMARY KEY (file, "key")
) STRICT, WITHOUT ROWID;
CREATE INDEX staged_key ON staged ("key");
CREATE TABLE list ( -- request and notice files
	name TEXT NOT NULL PRIMARY KEY,
	what TEXT NOT NULL, -- code_request, notice
	day INTEGER NOT NULL,
	sequence INTEGER NOT NULL,
	published INTEGER NOT NULL -- 0: to be written (again)
) STRICT, WITHOUT ROWID;
CREATE TABLE notice ( -- who was told, once for each scheme and 文面版
	mark BLOB NOT NULL, -- of the code: one person, however many insurers
	scheme TEXT NOT NULL,
	"text" TEXT NOT NULL, -- 文面版
	"key" TEXT NOT NULL,
	list TEXT NOT NULL,
	record INTEGER NOT NULL,
	PRIMARY KEY (mark, scheme, "text")
) STRICT, WITHOUT ROWID;
CREATE TABLE correction (
	list TEXT NOT NULL, -- the correction file
	record INTEGER NOT NULL,
	of_list TEXT NOT NULL,
	of_record INTEGER NOT NULL,
	"change" TEXT NOT NULL, -- 2 corrected, 9 withdrawn
	PRIMARY KEY (list, record)
) STRICT, WITHOUT ROWID;
CREATE TABLE seen ( -- segments whose persons are registered here
	segment TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
