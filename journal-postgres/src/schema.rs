//! The tables of a journal, in a schema of their own: one journal a database.

/// The layout of the tables that follows.
pub(crate) const LAYOUT: i32 = 1;

/// Makes the tables. `lease` has one row. `journal` has a row for each flush, numbered without a
/// gap. `file` says which files there are; what of a file is in no piece of `piece` is zeros, and
/// where pieces overlap the later one counts. Pieces are signatures and hashes for the most part,
/// which nothing makes shorter: they are kept as they are.
pub(crate) const MAKE: &str = "
    CREATE SCHEMA gavel;
    CREATE TABLE gavel.lease (
        layout integer NOT NULL,
        one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
        holder text NOT NULL,
        fencing bigint NOT NULL,
        until timestamptz NOT NULL
    );
    CREATE TABLE gavel.journal (
        seq bigint PRIMARY KEY CHECK (seq > 0),
        id bytea NOT NULL UNIQUE CHECK (octet_length(id) = 16),
        fencing bigint NOT NULL,
        time timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE TABLE gavel.file (
        id bigint PRIMARY KEY,
        name text NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED,
        length bigint NOT NULL CHECK (length >= 0),
        written bigint NOT NULL CHECK (written BETWEEN 0 AND length)
    );
    CREATE TABLE gavel.piece (
        file bigint NOT NULL,
        start bigint NOT NULL CHECK (start >= 0),
        seq bigint NOT NULL,
        part integer NOT NULL,
        bytes bytea NOT NULL,
        PRIMARY KEY (file, start, seq, part)
    );
    ALTER TABLE gavel.piece ALTER COLUMN bytes SET STORAGE EXTERNAL;
";

/// The lease before anybody has it. $1: the layout.
pub(crate) const FIRST_LEASE: &str = "
    INSERT INTO gavel.lease (layout, holder, fencing, until)
    VALUES ($1, 'nobody', 0, clock_timestamp())";

/// Whether the tables are there.
pub(crate) const IS_MADE: &str = "SELECT to_regclass('gavel.lease') IS NOT NULL";

/// Who has the lease, until when, for how many seconds more, and whether it is fresh.
pub(crate) const LEASE: &str = "
    SELECT layout, holder, fencing, until > clock_timestamp(),
           to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
    FROM gavel.lease";

/// The same, and nobody else may have it meanwhile.
pub(crate) const LEASE_LOCKED: &str = "
    SELECT layout, holder, fencing, until > clock_timestamp(),
           to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
    FROM gavel.lease FOR UPDATE";

/// Gives the lease another holder, $1, for $2 ms.
pub(crate) const TAKE: &str = "
    UPDATE gavel.lease SET holder = $1, fencing = fencing + 1,
        until = clock_timestamp() + $2::bigint * interval '1 millisecond'
    RETURNING fencing";

/// Renews the lease of number $1 for $2 ms: no row where another has it.
pub(crate) const RENEW: &str = "
    UPDATE gavel.lease SET until = clock_timestamp() + $2::bigint * interval '1 millisecond'
    WHERE fencing = $1";

/// Lets go of the lease of number $1.
pub(crate) const RELEASE: &str =
    "UPDATE gavel.lease SET until = clock_timestamp() WHERE fencing = $1";

/// The number of the last row.
pub(crate) const LAST: &str = "SELECT coalesce(max(seq), 0) FROM gavel.journal";

/// The row of number $1.
pub(crate) const FIND: &str = "SELECT id FROM gavel.journal WHERE seq = $1";

/// Inserts row $1 of id $2 under the fencing number $3, at last + 1: no row where that is another.
pub(crate) const APPEND: &str = "
    INSERT INTO gavel.journal (seq, id, fencing) SELECT $1, $2, $3
    WHERE $1 = (SELECT coalesce(max(seq), 0) + 1 FROM gavel.journal)";

/// Inserts pieces of row $1: arrays of files, starts, parts and bytes.
pub(crate) const PIECES: &str = "
    INSERT INTO gavel.piece (seq, file, start, part, bytes)
    SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::integer[], $5::bytea[])";

/// Makes a file, or gives it another name or length.
pub(crate) const FILE: &str = "
    INSERT INTO gavel.file (id, name, length, written) VALUES ($1, $2, $3, $4)
    ON CONFLICT (id) DO UPDATE
    SET name = excluded.name, length = excluded.length, written = excluded.written";

/// Removes a file's pieces, and the file.
pub(crate) const REMOVE_PIECES: &str = "DELETE FROM gavel.piece WHERE file = $1";
/// See [`REMOVE_PIECES`].
pub(crate) const REMOVE_FILE: &str = "DELETE FROM gavel.file WHERE id = $1";

/// All files.
pub(crate) const FILES: &str = "SELECT id, name, length, written FROM gavel.file";

/// Whether file $1 is there.
pub(crate) const IS_FILE: &str = "SELECT 1 FROM gavel.file WHERE id = $1";

/// The pieces of file $1 between $2 and $3, none of which is longer than $4, the later ones last.
pub(crate) const READ: &str = "
    SELECT start, bytes FROM gavel.piece
    WHERE file = $1 AND start > $2::bigint - $4::bigint AND start < $3
      AND start + octet_length(bytes) > $2
    ORDER BY seq, part";
