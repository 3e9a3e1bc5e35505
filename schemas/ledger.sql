-- The books of one side: ROOT/ledger.sqlite. Files, sequences, counts, runs,
-- segments; no person. Written by the batch programs of the side alone, read
-- by anyone with sqlite3. Days are YYYY-MM-DD of Japan, moments milliseconds
-- since 1970 (UTC). user_version counts changes of this file.
PRAGMA application_id = 1397441868; -- "SKIL"
PRAGMA user_version = 6;

-- One row per upload; its state is the one folder it lies in (I2).
CREATE TABLE file (
  sender     TEXT NOT NULL,    -- who sent it: 保険者コード, KOKUHO13, JLIS0001
  feed       TEXT NOT NULL,    -- shikaku nhi codes link crl iryokikan package
  day        TEXT NOT NULL,    -- day in the file's name
  sequence   INTEGER NOT NULL CHECK (sequence BETWEEN 1 AND 9999),
                               -- running number of sender and feed
  sha256     TEXT NOT NULL CHECK (length(sha256) = 64), -- of the upload
  bytes      INTEGER NOT NULL, -- its size
  arrived    INTEGER NOT NULL, -- moment intake saw it
  state      TEXT NOT NULL CHECK (state IN ('arrived', 'ready', 'held',
               'refused', 'ingested', 'delivered', 'reflected')),
  read       INTEGER NOT NULL, -- records read = accepted+refused+unchanged+held
  accepted   INTEGER NOT NULL, -- records that went into a segment
  refused    INTEGER NOT NULL, -- records in the error list
  unchanged  INTEGER NOT NULL, -- records that changed nothing
  generation INTEGER NOT NULL, -- that shows it, or the package; 0: none yet
  reason     TEXT NOT NULL,    -- code of the diagnostic that refused or held it
  turn       INTEGER,          -- how manyth file intake accepted: tells the
                               -- last sequence across the wrap at 9999; NULL
                               -- also where it filled a gap
  held       INTEGER NOT NULL DEFAULT 0, -- records that wait with the file
  PRIMARY KEY (sender, feed, day, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_turn ON file (sender, feed, turn) WHERE turn IS NOT NULL;
CREATE INDEX file_sha256 ON file (sha256);
CREATE INDEX file_state ON file (state, day, sequence, sender);

-- Why an upload was held as a whole, a row per reason, and what became of it.
-- Held again for another reason, it gets another row; rows stay for ever.
CREATE TABLE hold (
  sender     TEXT NOT NULL,
  feed       TEXT NOT NULL,
  day        TEXT NOT NULL,
  sequence   INTEGER NOT NULL,
  sha256     TEXT NOT NULL,    -- of the upload: a refused number is used again
  code       TEXT NOT NULL,    -- of the diagnostic
  detail     TEXT NOT NULL,    -- what it says more: numbers, shares, items
  since      TEXT NOT NULL,    -- business day
  verdict    TEXT NOT NULL DEFAULT '' -- '': open; arrived: of itself
               CHECK (verdict IN ('', 'release', 'refuse', 'arrived')),
  who        TEXT NOT NULL DEFAULT '', -- account that said so
  at         INTEGER,          -- moment
  why        TEXT NOT NULL DEFAULT '', -- in its words
  PRIMARY KEY (sender, feed, day, sequence, sha256, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_open ON hold (verdict, day, sequence, sender);

-- Numbers that a held upload waits for.
CREATE TABLE missing (
  sender     TEXT NOT NULL,
  feed       TEXT NOT NULL,
  number     INTEGER NOT NULL, -- that has not come
  day        TEXT NOT NULL,    -- of the upload that waits
  sequence   INTEGER NOT NULL,
  PRIMARY KEY (sender, feed, number)
) STRICT, WITHOUT ROWID;

-- What the accepted uploads of an insurer come to: the checks against counts.
-- Of the changes alone, the merge may refuse some of them: about right.
CREATE TABLE stock (
  sender     TEXT NOT NULL,
  feed       TEXT NOT NULL,
  insurer    TEXT NOT NULL,    -- 保険者番号, 8 digits
  covered    INTEGER NOT NULL, -- periods without an end
  day        TEXT NOT NULL,    -- of the upload counted last
  lost       INTEGER NOT NULL, -- of them, lost or cancelled on that day
  PRIMARY KEY (sender, feed, insurer)
) STRICT, WITHOUT ROWID;

-- How far an item was filled in the last upload with enough records.
CREATE TABLE fill (
  sender     TEXT NOT NULL,
  feed       TEXT NOT NULL,
  insurer    TEXT NOT NULL,
  field      TEXT NOT NULL,    -- name of the item
  day        TEXT NOT NULL,    -- of that upload
  records    INTEGER NOT NULL, -- new and amended ones
  filled     INTEGER NOT NULL, -- of them
  PRIMARY KEY (sender, feed, insurer, field)
) STRICT, WITHOUT ROWID;

-- One row per segment in ROOT/segments/.
CREATE TABLE segment (
  name       TEXT PRIMARY KEY, -- file name
  kind       INTEGER NOT NULL, -- formats/segment.h: what its key is
  rows       INTEGER NOT NULL,
  digest     TEXT NOT NULL,    -- SHA-256 over all but its tail
  generation INTEGER NOT NULL, -- 0: waits; else generation that merged it, or
                               -- number of the package that carried it
  sender     TEXT NOT NULL,    -- the upload it came from
  feed       TEXT NOT NULL,
  day        TEXT NOT NULL,
  sequence   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX segment_waits ON segment (generation, day, sequence, sender, name);

-- What the records of an upload came to in a generation (shikaku-merge(7)).
-- A second row where records that were held took effect later.
CREATE TABLE reflection (
  sender     TEXT NOT NULL,
  feed       TEXT NOT NULL,
  day        TEXT NOT NULL,
  sequence   INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  read       INTEGER NOT NULL, -- change records
  added      INTEGER NOT NULL,
  amended    INTEGER NOT NULL,
  lost       INTEGER NOT NULL,
  cancelled  INTEGER NOT NULL,
  unchanged  INTEGER NOT NULL,
  refused    INTEGER NOT NULL,
  held       INTEGER NOT NULL,
  removed    INTEGER NOT NULL, -- stored periods that a full file has not got
  PRIMARY KEY (sender, feed, day, sequence, generation),
  CHECK (read = added + amended + lost + cancelled + unchanged + refused + held)
) STRICT, WITHOUT ROWID;

-- One row per run of a program on this side, entered when it has its lock,
-- completed at its end; runs with -n, and those that got no lock, have none.
-- No end: it runs still (its host, boot and pid say whether), or was killed.
CREATE TABLE run (
  id       INTEGER PRIMARY KEY,
  program  TEXT NOT NULL,      -- intake, ingest, ...
  step     TEXT NOT NULL,      -- of the job net that started it; '': by hand
  day      TEXT NOT NULL,      -- business day
  host     TEXT NOT NULL,      -- where it runs,
  boot     TEXT NOT NULL,      -- since which start of that machine,
  pid      INTEGER NOT NULL,   -- and as which process
  began    INTEGER NOT NULL,   -- moment
  ended    INTEGER,            -- moment; NULL: no end
  ms       INTEGER,            -- how long it took, by a clock never set
  exit     INTEGER CHECK ((exit IS NULL) = (ended IS NULL)), -- formats/exit.h
  read     INTEGER NOT NULL DEFAULT 0, -- records of this side:
  accepted INTEGER NOT NULL DEFAULT 0, -- read = accepted+refused+unchanged
  refused  INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  files    INTEGER NOT NULL DEFAULT 0,
  refused_files INTEGER NOT NULL DEFAULT 0,
  notes    TEXT NOT NULL DEFAULT '' -- further KEY=VALUE, as printed
) STRICT;
CREATE INDEX run_day ON run (day, id);

-- From here on since version 4.
-- One row per try of a job of a net (jobs/*.yaml), entered before its program
-- is started: the restart points of shikaku-jobs. No end: it was killed with
-- its runner; a later try has its own row.
CREATE TABLE job (
  id       INTEGER PRIMARY KEY,
  net      TEXT NOT NULL,      -- nightly, intraday, ...
  job      TEXT NOT NULL,      -- name in the net
  day      TEXT NOT NULL,      -- business day
  attempt  INTEGER NOT NULL,   -- from 1
  host     TEXT NOT NULL,      -- of the runner: machine, its start, process
  boot     TEXT NOT NULL,
  pid      INTEGER NOT NULL,
  began    INTEGER NOT NULL,   -- moment
  ended    INTEGER,            -- moment; NULL: no end
  ms       INTEGER,
  exit     INTEGER CHECK ((exit IS NULL) = (ended IS NULL)), -- formats/exit.h
  read     INTEGER NOT NULL DEFAULT 0, -- as the program's summary said
  accepted INTEGER NOT NULL DEFAULT 0,
  refused  INTEGER NOT NULL DEFAULT 0,
  files    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX job_day ON job (net, day, id);

-- From here on since version 5.
-- How often each code was raised when an upload was read: as its check result
-- says, which lies with the sender.
CREATE TABLE problem (
  sender     TEXT NOT NULL,
  feed       TEXT NOT NULL,
  day        TEXT NOT NULL,
  sequence   INTEGER NOT NULL,
  code       TEXT NOT NULL,    -- of the diagnostic
  count      INTEGER NOT NULL, -- rows of the error list
  PRIMARY KEY (sender, feed, day, sequence, code)
) STRICT, WITHOUT ROWID;

-- From here on since version 6.
-- Who signed for an upload (shikaku-reconcile), a row per insurer in it: the
-- first load, that it is in force as it was sent. Qualification side only.
CREATE TABLE signoff (
  sender     TEXT NOT NULL,
  feed       TEXT NOT NULL,
  day        TEXT NOT NULL,
  sequence   INTEGER NOT NULL,
  insurer    TEXT NOT NULL,    -- as typed keys begin: E or C, 保険者コード
  generation INTEGER NOT NULL, -- in force when it was compared
  records    INTEGER NOT NULL, -- of the upload
  refused    INTEGER NOT NULL, -- of them, by the check, where known by insurer
  persons    INTEGER NOT NULL, -- in force
  periods    INTEGER NOT NULL, -- in force
  difference INTEGER NOT NULL, -- not in force as sent
  who        TEXT NOT NULL,    -- account that signed
  at         INTEGER NOT NULL, -- moment
  why        TEXT NOT NULL,    -- in its words, where there is a difference
  PRIMARY KEY (sender, feed, day, sequence, insurer)
) STRICT, WITHOUT ROWID;
