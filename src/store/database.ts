// Opens the SQLite database and brings its tables up to date. Runs in the worker thread.
import { closeSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { Kysely, Migrator, SqliteDialect } from 'kysely';
import { makeFolder } from '../base/index.ts';
import { migrations, type Tables } from './schema.ts';

/** One connection, two faces: typed queries, and prepared statements for the batched writer. */
export interface OpenDatabase {
  readonly sqlite: Database.Database;
  readonly db: Kysely<Tables>;
}

/** How long a statement waits for another program's lock, for example a copy being taken. */
const BUSY_TIMEOUT_MS = 5_000;

/** Holds the inner pages of the indexes of some ten million records. */
const CACHE_KIB = 32 * 1024;
/** A page that many commits touch is copied to the database once per checkpoint, so seldom is cheap; 16 MiB of log. */
const CHECKPOINT_PAGES = 4_096;

/** @throws SqliteError or the file system's error, with the path in its message where it is known. */
export async function openDatabase(path: string): Promise<OpenDatabase> {
  makeFolder(dirname(path));
  // Records hold phone numbers. SQLite gives its side files the mode of the database.
  closeSync(openSync(path, 'a', 0o600));
  const sqlite = new Database(path);
  try {
    sqlite.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    sqlite.pragma('journal_mode = WAL');
    // FULL: a commit is on the disk when it returns, which the journal counts on before it drops a segment.
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    sqlite.pragma(`cache_size = -${CACHE_KIB}`);
    sqlite.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: sqlite }) });
    const { error } = await new Migrator({ db, provider: migrations }).migrateToLatest();
    if (error !== undefined) throw error instanceof Error ? error : new Error('a migration failed');
    return { sqlite, db };
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

/**
 * Takes the journal folder for this process. The lock is SQLite's own on a file that holds nothing, so the kernel
 * drops it with the process, however that dies. A second process would take the first one's live calls for a crash's.
 * @returns the connection that holds it; null when another holds it.
 */
export function lockFolder(dir: string): Database.Database | null {
  const lock = new Database(join(dir, 'lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return null;
    throw error;
  }
}
