-- The books of one side: ROOT/ledger.sqlite. Files, sequences, counts, runs,
-- segments; no person. Written by the batch programs of the side alone, read
-- by anyone with sqlite3. Days are YYYY-MM-DD of Japan, moments milliseconds
-- since 1970 (UTC). user_version counts changes of this file.
PRAGMA application_id = 1397441868; -- "SKIL"
PRAGMA user_version = 1;

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
  state      TEXT NOT NULL CHECK (state IN ('arrived', 'ready', 'refused',
               'ingested', 'delivered', 'reflected')),
  read       INTEGER NOT NULL, -- records read = accepted+refused+unchanged
  accepted   INTEGER NOT NULL, -- records that went into a segment
  refused    INTEGER NOT NULL, -- records in the error list
  unchanged  INTEGER NOT NULL, -- records that changed nothing
  generation INTEGER NOT NULL, -- that shows it, or the package; 0: none yet
  reason     TEXT NOT NULL,    -- code of the diagnostic that refused it
  turn       INTEGER,          -- how manyth file intake accepted: tells the
                               -- last sequence across the wrap at 9999
  PRIMARY KEY (sender, feed, day, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_turn ON file (sender, feed, turn) WHERE turn IS NOT NULL;
CREATE INDEX file_sha256 ON file (sha256);
CREATE INDEX file_state ON file (state, day, sequence, sender);

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

-- One row per run of a program.
CREATE TABLE run (
  id       INTEGER PRIMARY KEY,
  program  TEXT NOT NULL,      -- intake, ingest, ...
  day      TEXT NOT NULL,      -- business day
  began    INTEGER NOT NULL,   -- moment
  ms       INTEGER NOT NULL,   -- how long it took
  exit     INTEGER NOT NULL,   -- formats/exit.h
  summary  TEXT NOT NULL       -- KEY=VALUE as printed
) STRICT;
