-- People who may sign in. E-mail addresses are in lower case. Without a password only a sign-in link lets them in.
CREATE TABLE users (
    id            BLOB PRIMARY KEY,
    email         TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    password_hash TEXT,
    is_disabled   BOOLEAN NOT NULL DEFAULT FALSE,
    created_at    TEXT NOT NULL
);

-- What each may do in which tenant.
CREATE TABLE memberships (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tenant  INTEGER NOT NULL REFERENCES tenants (id),
    role    TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    PRIMARY KEY (user_id, tenant)
) WITHOUT ROWID;
CREATE INDEX memberships_by_tenant ON memberships (tenant);

-- Browsers that are signed in. Of the token in their cookie only the SHA-256 is kept.
CREATE TABLE sessions (
    id           BLOB PRIMARY KEY,
    token_hash   BLOB NOT NULL UNIQUE,
    user_id      BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tenant       INTEGER NOT NULL REFERENCES tenants (id),
    address      TEXT NOT NULL,
    user_agent   TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    last_used_at TEXT NOT NULL,
    expires_at   TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Links that sign in once. Without a user: the first administrator, who does not exist yet.
CREATE TABLE sign_in_links (
    token_hash BLOB PRIMARY KEY,
    user_id    BLOB REFERENCES users (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) WITHOUT ROWID;

-- Programs that may send or read. Of the secret only the SHA-256 is kept.
CREATE TABLE api_keys (
    id           BLOB PRIMARY KEY,
    tenant       INTEGER NOT NULL REFERENCES tenants (id),
    name         TEXT NOT NULL,
    prefix       TEXT NOT NULL,
    secret_hash  BLOB NOT NULL UNIQUE,
    can_ingest   BOOLEAN NOT NULL,
    can_read     BOOLEAN NOT NULL,
    created_by   TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    expires_at   TEXT,
    last_used_at TEXT,
    revoked_at   TEXT
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant, created_at);

-- Who did what, when, from where. Rows are added and never changed.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant  INTEGER NOT NULL REFERENCES tenants (id),
    at      TEXT NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    address TEXT NOT NULL,
    details TEXT NOT NULL
);
CREATE INDEX audit_by_tenant ON audit (tenant, id);
