-- The statistics of a month (shikaku-report(8)): one file, made whole, never
-- changed. Read it with sqlite3, datasette or shikaku-query. Tables of the
-- period are views: see table theme; their columns are key, its names, value,
-- hidden. No person in it.
PRAGMA application_id = 1397442387; -- "SKST"
PRAGMA user_version = 1;

CREATE TABLE readme (text TEXT NOT NULL) STRICT; -- what this file is
CREATE TABLE about ( -- what it was made from
  name  TEXT PRIMARY KEY, -- month, first_day, last_day, closed, below, ...
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE theme ( -- the tables of the period
  id     INTEGER PRIMARY KEY,
  name   TEXT NOT NULL UNIQUE,
  view   TEXT NOT NULL,    -- the view that shows it
  ja     TEXT NOT NULL,    -- 名称
  en     TEXT NOT NULL,
  family TEXT NOT NULL,    -- tables of one family count the same things
  unit   TEXT NOT NULL,
  unit_ja TEXT NOT NULL,
  key1   TEXT NOT NULL,    -- names in table label; '' where it has no key
  key2   TEXT NOT NULL,
  small  INTEGER NOT NULL, -- 1: small figures of it are hidden
  source_ja TEXT NOT NULL, -- which inputs it was counted from
  source TEXT NOT NULL
) STRICT;
CREATE TABLE label ( -- names of the keys and of their values
  key    TEXT NOT NULL,    -- hour, kind, prefecture, ...
  value  TEXT NOT NULL,    -- '' is the key itself
  ja     TEXT NOT NULL,
  en     TEXT NOT NULL,
  PRIMARY KEY (key, value)
) STRICT, WITHOUT ROWID;
CREATE TABLE figure ( -- every figure; none is there for a combination that
  theme  INTEGER NOT NULL REFERENCES theme, -- did not occur
  key1   TEXT NOT NULL,
  key2   TEXT NOT NULL,
  value  INTEGER,          -- NULL where hidden (秘匿)
  hidden INTEGER NOT NULL CHECK (hidden = (value IS NULL)),
  PRIMARY KEY (theme, key1, key2)
) STRICT, WITHOUT ROWID;
CREATE TABLE institution ( -- as the master in force has them
  code       TEXT PRIMARY KEY,
  prefecture TEXT NOT NULL, -- none: not in the master
  size_class TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE finding ( -- what was wrong with the inputs
  code    TEXT NOT NULL,
  subject TEXT NOT NULL,
  ja      TEXT NOT NULL,
  en      TEXT NOT NULL,
  PRIMARY KEY (code, subject)
) STRICT, WITHOUT ROWID;
CREATE TABLE query ( -- canned: shikaku-query -q NAME
  name TEXT PRIMARY KEY,
  ja   TEXT NOT NULL,
  en   TEXT NOT NULL,
  sql  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO readme (text) VALUES
  ('資格確認の月次統計。閲覧専用。表の一覧は theme、例題は query、集計対象は about、留意事項は finding。'),
  ('value が空の値は秘匿（少数の値と、それを逆算させないための値）。'),
  ('shikaku: statistics of a month, read-only. theme: what tables there are; query: canned queries;'),
  ('about: what they were made from; finding: what was wrong with the inputs.'),
  ('A figure without a value is hidden: it is small, or would give a small one away.');
